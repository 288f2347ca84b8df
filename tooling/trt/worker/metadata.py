"""What is written beside a checkpoint and an engine: what was done, read back from it. Every field is filled."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tooling.refusal import FAILED, Refusal

CHECKPOINT_FILE, ENGINE_FILE = "checkpoint_metadata.json", "build_metadata.json"
NONE = "none"
"""Stands where a thing is not there: weights that are not quantised, a KV cache in the type of the computing."""
ELSEWHERE = "made elsewhere"
"""Stands where only whoever made the checkpoint can know."""
CHECKPOINT_FIELDS = (
    *("model_id", "model_revision", "dtype", "quant_method", "quantization", "kv_cache_dtype", "awq_block_size"),
    *("calib_dataset", "calib_size", "calib_seqlen", "calib_batch_size", "tensorrt_llm_version", "modelopt_version"),
    *("cuda_toolkit", "sm_arch", "gpu_name", "nvidia_driver", "tp_size", "pp_size", "seed", "checkpoint_key"),
    *("seconds", "built_at"),
)
ENGINE_FIELDS = (
    *("model_id", "model_revision", "dtype", "quant_method", "quantization", "kv_cache_dtype", "awq_block_size"),
    *("calib_dataset", "calib_size", "calib_seqlen", "calib_batch_size", "max_batch_size", "max_input_len"),
    *("max_output_len", "max_seq_len", "max_num_tokens", "tensorrt_llm_version", "tensorrt_version"),
    *("modelopt_version", "cuda_toolkit", "sm_arch", "gpu_name", "gpu_vram_gb", "nvidia_driver", "tp_size"),
    *("engine_label", "checkpoint_key", "engine_key", "seconds", "built_at"),
)


def require_known(name: str, found: Mapping[str, object]) -> None:
    """Raises `Refusal` where one of these fields is not known: before the hours that come to nothing without it."""
    if lacking := _lacking(found, found):
        raise _worthless(name, f"{', '.join(lacking)} cannot be determined")


def write(path: Path, found: Mapping[str, object], fields: Iterable[str]) -> dict[str, object]:
    """Write the fields in their order. Raises `Refusal` if one is not known or is not one of them."""
    fields = tuple(fields)
    lacking = _lacking(found, fields)
    if lacking or set(found) - set(fields):
        what = f"{', '.join(lacking)} cannot be determined" if lacking else f"{sorted(set(found) - set(fields))} is new"
        raise _worthless(path.name, what)
    ordered = {name: found[name] for name in fields}
    path.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
    return ordered


def read(path: Path) -> dict[str, object]:
    """What stands beside a checkpoint; nothing beside one that was made elsewhere."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lacking(found: Mapping[str, object], fields: Iterable[str]) -> list[str]:
    return [name for name in fields if found.get(name) in (None, "")]


def _worthless(name: str, what: str) -> Refusal:
    return Refusal(f"{name}: {what}, and what nobody can identify is worthless (just doctor --engine trt)", FAILED)


__all__ = [
    "CHECKPOINT_FIELDS",
    "CHECKPOINT_FILE",
    "ELSEWHERE",
    "ENGINE_FIELDS",
    "ENGINE_FILE",
    "NONE",
    "read",
    "require_known",
    "write",
]
