"""Stand-in: the program `trtllm-build`. It takes the flags of the contract, and writes an engine without kernels.

`standin.json` beside the checkpoint says how it behaves: "fails", "waits" (for ever), "built" (values of
`build_config` that are not those asked for), "without" (a file it forgets).
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

from tensorrt_llm import _contract


def main(words: list[str]) -> int:
    """Write `config.json` and a file a rank into `--output_dir`."""
    given = dict(zip(words[::2], words[1::2], strict=True))
    _contract.check("cli:trtllm-build", given, TypeError)
    checkpoint, output = Path(given["--checkpoint_dir"]), Path(given["--output_dir"])
    behaviour = json.loads((checkpoint / "standin.json").read_text()) if (checkpoint / "standin.json").exists() else {}
    model = json.loads((checkpoint / "config.json").read_text())
    ranks = model["mapping"]["world_size"]
    for rank in range(ranks):
        (output / f"rank{rank}.engine").write_bytes(b"engine")
    if behaviour.get("waits"):
        print("the builder waits", flush=True)
        while True:
            signal.pause()
    if "fails" in behaviour:
        print(behaviour["fails"], file=sys.stderr, flush=True)
        return 3
    numbers: dict[str, Any] = {
        name: int(given[f"--{name}"]) for name in ("max_batch_size", "max_input_len", "max_seq_len", "max_num_tokens")
    }
    plugins = {"use_paged_context_fmha": given["--use_paged_context_fmha"] == "enable"}
    build = {**numbers, "kv_cache_type": given["--kv_cache_type"].upper(), "plugin_config": plugins}
    config = {"version": "1.2.1", "pretrained_config": model, "build_config": build | behaviour.get("built", {})}
    (output / "config.json").write_text(json.dumps(config))
    if "without" in behaviour:
        (output / behaviour["without"]).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
