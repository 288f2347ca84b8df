"""Stand-in: the function that makes checkpoints. It takes the names of the contract, and writes files without weights.

`standin.json` beside the model says how it behaves: "says" (printed first), "fails", "waits" (for ever), "algorithm"
(another one than asked for), "without" (a file it forgets), and "builder", which it hands on to `trtllm-build`'s.
"""

import json
import signal
from pathlib import Path
from typing import Any

from tensorrt_llm import _contract

_ALGORITHMS = {"int4_awq": "W4A16_AWQ", "fp8": "FP8", "int8_sq": "W8A8_SQ_PER_CHANNEL", "full_prec": None}
_KV = {"fp8": "FP8", "int8": "INT8", None: None}


def quantize_and_export(**given: Any) -> None:
    """Write `config.json` and a file a rank into `output_dir`; `calls.json` there says what it was called with."""
    _contract.check("tensorrt_llm.quantization.quantize_and_export", given, TypeError)
    model, output = Path(given["model_dir"]), Path(given["output_dir"])
    behaviour = json.loads(_read(model / "standin.json") or "{}")
    print(behaviour.get("says", "calibrating"), flush=True)
    output.mkdir(parents=True, exist_ok=True)
    ranks = given["tp_size"] * given["pp_size"]
    for rank in range(ranks):
        (output / f"rank{rank}.safetensors").write_bytes(b"weights")
    if behaviour.get("waits"):
        print("the quantiser waits", flush=True)
        while True:
            signal.pause()
    if "fails" in behaviour:
        raise NotImplementedError(behaviour["fails"])
    made = {"quant_algo": behaviour.get("algorithm", _ALGORITHMS[given["qformat"]])}
    made |= {"kv_cache_quant_algo": _KV[given["kv_cache_dtype"]], "group_size": given["awq_block_size"]}
    mapping = {"world_size": ranks, "tp_size": given["tp_size"], "pp_size": given["pp_size"]}
    config = {"architecture": "LlamaForCausalLM", "dtype": given["dtype"], "quantization": made, "mapping": mapping}
    (output / "config.json").write_text(json.dumps(config))
    (output / "calls.json").write_text(json.dumps(given))
    (output / "standin.json").write_text(json.dumps(behaviour.get("builder", {})))
    if "without" in behaviour:
        (output / behaviour["without"]).unlink()


def _read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


__all__ = ["quantize_and_export"]
