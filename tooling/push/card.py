"""The README of a repository with a TensorRT-LLM checkpoint and engines, out of what was written down about them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from tooling.models import TRT_CHECKPOINTS
from tooling.quantize.worker.licence import UNKNOWN, Licence

Metadata = Mapping[str, Any]
_FORMATS = {
    "int4_awq": "4-bit weights (AWQ), 16-bit activations",
    "fp8": "8-bit floats (FP8), weights and activations",
    "int8_sq": "8-bit integers (SmoothQuant), weights and activations",
    "full_prec": "as it was, not quantised",
}
_NOT_SAID = ("none", "made elsewhere", None, "")


@frozen(kw_only=True)
class Described:
    """What the README is about. `engines`: their metadata; `base`: page of the base model, None for a local one."""

    repository: str
    checkpoint: Metadata
    engines: Sequence[Metadata]
    licence: Licence
    base: str | None


def text(about: Described) -> str:
    """Front matter, facts, engines, how to run it, where it runs, licence."""
    told = about.checkpoint
    name = str(told["model_id"]).rpartition("/")[2]
    parts = [
        _front_matter(about),
        f"# {name} for TensorRT-LLM, {told['quant_method']}",
        f"Made of {_base(about)} by yap-text-inference with TensorRT-LLM {told['tensorrt_llm_version']}.",
        _table((("", ""), *_facts(about))),
        "## Engines",
        *_engines(about.engines),
        "## Running",
        f"```sh\n{_command(about)}\n```",
        *_portability(about.engines),
        "## Licence",
        _licence(about),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(about: Described) -> str:
    told = about.checkpoint
    lines: dict[str, object] = {**about.licence.lines()}
    if about.base is not None:
        lines |= {"base_model": told["model_id"], "base_model_relation": "quantized"}
    lines |= {"tags": ["tensorrt-llm", str(told["quant_method"])], "pipeline_tag": "text-generation"}
    # JSON is YAML, and quotes whatever has to be quoted.
    return "\n".join(["---", *(f"{key}: {json.dumps(value)}" for key, value in lines.items()), "---"])


def _facts(about: Described) -> Iterator[tuple[str, str]]:
    told = about.checkpoint
    yield "base model", _base(about)
    yield "weights", f"{_FORMATS.get(str(told['quant_method']), told['quant_method'])} ({told['quantization']})"
    yield "computes in", str(told["dtype"])
    yield "KV cache", str(told["kv_cache_dtype"]) if told["kv_cache_dtype"] not in _NOT_SAID else str(told["dtype"])
    if told.get("awq_block_size") not in _NOT_SAID:
        yield "AWQ group", str(told["awq_block_size"])
    if told.get("calib_dataset") not in _NOT_SAID:
        yield (
            "calibration",
            (
                f"{told['calib_size']} texts of {told['calib_dataset']}, at most {told['calib_seqlen']} tokens, "
                f"{told['calib_batch_size']} at a time"
            ),
        )
    yield "GPUs (tensor, pipeline)", f"{told['tp_size']}, {told.get('pp_size', 1)}"
    yield (
        "made with",
        (
            f"TensorRT-LLM {told['tensorrt_llm_version']}, modelopt {told['modelopt_version']}, "
            f"CUDA {told['cuda_toolkit']}"
        ),
    )
    yield "made on", f"{told['gpu_name']} ({told['sm_arch']}), {told['built_at']}"


def _engines(engines: Sequence[Metadata]) -> Iterator[str]:
    if not engines:
        yield f"None; `just build-trt` builds one from `{TRT_CHECKPOINTS}`."
        return
    head = ("label", "GPU", "TensorRT-LLM", "CUDA", "batch", "prompt", "prompt and reply", "tokens a step")
    rows = [
        (
            f"`{told['engine_label']}`",
            f"{told['gpu_name']} ({told['sm_arch']}), {told['gpu_vram_gb']} GB, driver {told['nvidia_driver']}",
            f"{told['tensorrt_llm_version']} (TensorRT {told['tensorrt_version']})",
            str(told["cuda_toolkit"]),
            str(told["max_batch_size"]),
            str(told["max_input_len"]),
            str(told["max_seq_len"]),
            str(told["max_num_tokens"]),
        )
        for told in sorted(engines, key=lambda each: str(each["engine_label"]))
    ]
    yield _table((head, *rows))


def _portability(engines: Sequence[Metadata]) -> Iterator[str]:
    """Where it runs: an engine on its own kind of GPU only."""
    for arch in sorted({str(told["sm_arch"]) for told in engines}):
        yield f"This engine runs on {arch} only, with its own TensorRT-LLM and CUDA; the checkpoint builds elsewhere."


def _command(about: Described) -> str:
    run = f"just run-trt {about.repository}"
    return run if about.engines else f"export TRT_MAX_BATCH_SIZE=32\n{run}"


def _licence(about: Described) -> str:
    licence = about.licence
    where = f": {licence.link}" if licence.link else ""
    if licence.name == UNKNOWN:
        return f"The base model does not say under which licence it stands{where}."
    return f"That of the base model, {licence.name or licence.identifier}{where}."


def _base(about: Described) -> str:
    told = about.checkpoint
    if about.base is None:
        return f"a local model, {told['model_id']}"
    return f"[{told['model_id']}]({about.base}) at `{told['model_revision']}`"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = (f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
    return "\n".join((head, "|" + " --- |" * len(rows[0]), *rest))


__all__ = ["Described", "text"]
