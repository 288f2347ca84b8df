"""What lies in a model directory, and what a compiled engine says of itself. Reads JSON, loads nothing.

An engine directory holds `config.json` (`version`, `pretrained_config`, `build_config`), one `rank<N>.engine` per GPU
and, if this project built it, `build_metadata.json`.
"""

import enum
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from engines.errors import EngineStartFailed

BUILD = "build one here (just build-trt, with TRT_ENGINE_DIR unset)"


class Kind(enum.Enum):
    """What a directory holds. UNKNOWN: no directory here, so a hub id, or nothing that we know."""

    ENGINE = "compiled engine"
    QUANTISED = "TensorRT-LLM checkpoint"
    HUGGING_FACE = "Hugging Face checkpoint"
    UNKNOWN = "unknown"


@frozen(kw_only=True)
class Metadata:
    """What `build_metadata.json` says of where the engine can run."""

    library_version: str
    gpu_arch: str
    max_batch_size: int | None


@frozen(kw_only=True)
class Compiled:
    """A complete engine directory. Lengths in tokens; `version` is the library's that built it.

    `metadata` None: there is no `build_metadata.json`. `reuses_blocks`: built with a paged KV cache and paged context
    attention, without which no prompt prefix is ever found in the cache.
    """

    path: Path
    version: str
    ranks: int
    tensor_parallel: int
    pipeline_parallel: int
    max_input_len: int
    max_seq_len: int
    max_batch_size: int
    max_num_tokens: int
    reuses_blocks: bool
    dtype: str | None
    quantization: str | None
    kv_cache_dtype: str | None
    metadata: Metadata | None


def kind_of(model: str | Path) -> Kind:
    """What `model` is, by its files."""
    path = Path(model)
    if not path.is_dir():
        return Kind.UNKNOWN
    config = _load(path / "config.json") if (path / "config.json").is_file() else {}
    if "build_config" in config or any(path.glob("rank*.engine")):
        return Kind.ENGINE
    if "architecture" in config and any(path.glob("rank*.safetensors")):
        return Kind.QUANTISED
    return Kind.HUGGING_FACE if config else Kind.UNKNOWN


def read_engine(path: Path) -> Compiled:
    """The engine in `path`. Raises `EngineStartFailed`: no directory, or a file missing, broken or without a number."""
    if not path.is_dir():
        raise EngineStartFailed(f"there is no engine directory {path}: name another in TRT_ENGINE_DIR, or {BUILD}")
    if not (path / "config.json").is_file():
        raise EngineStartFailed(f"{path} is no engine: it has no config.json; {BUILD}")
    config = _load(path / "config.json")
    built, model = _part(path, config, "build_config"), _part(path, config, "pretrained_config")
    mapping = _section(model, "mapping")
    quantization = _section(model, "quantization")
    compiled = Compiled(
        path=path,
        version=str(config.get("version", "")),
        ranks=_whole(path, mapping, "world_size", 1),
        tensor_parallel=_whole(path, mapping, "tp_size", 1),
        pipeline_parallel=_whole(path, mapping, "pp_size", 1),
        max_input_len=_whole(path, built, "max_input_len"),
        max_seq_len=_whole(path, built, "max_seq_len"),
        max_batch_size=_whole(path, built, "max_batch_size"),
        max_num_tokens=_whole(path, built, "max_num_tokens"),
        reuses_blocks=_reuses_blocks(built),
        dtype=model.get("dtype"),
        quantization=quantization.get("quant_algo"),
        kv_cache_dtype=quantization.get("kv_cache_quant_algo"),
        metadata=_metadata(path),
    )
    missing = [name for rank in range(compiled.ranks) if not (path / (name := f"rank{rank}.engine")).is_file()]
    if missing:
        raise EngineStartFailed(f"engine {path} is incomplete: {', '.join(missing)} missing; {BUILD}")
    return compiled


def _reuses_blocks(built: Mapping[str, Any]) -> bool:
    plugins = _section(built, "plugin_config")
    # Both are the library's defaults since 1.0; a key that is not written says nothing.
    paged = str(built.get("kv_cache_type") or "PAGED").upper().endswith("PAGED")
    return paged and plugins.get("use_paged_context_fmha", True) is not False


def _metadata(path: Path) -> Metadata | None:
    file = path / "build_metadata.json"
    if not file.is_file():
        return None
    found = _load(file)
    version, arch = found.get("tensorrt_llm_version"), found.get("sm_arch")
    if not version or not arch:
        raise EngineStartFailed(f"{file} does not say tensorrt_llm_version and sm_arch; {BUILD}")
    batch = found.get("max_batch_size")
    return Metadata(
        library_version=str(version),
        gpu_arch=normal_arch(arch),
        max_batch_size=None if batch is None else _whole(path, found, "max_batch_size"),
    )


def normal_arch(arch: str | int | float) -> str:
    """One spelling of a GPU architecture: "sm90", "90" and "9.0" are all "sm90"."""
    text = str(arch).lower().removeprefix("sm").strip("_ ")
    return "sm" + text.replace(".", "")


def _load(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineStartFailed(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise EngineStartFailed(f"{file} holds no JSON object")
    return found


def _part(path: Path, config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(config.get(name), dict):
        raise EngineStartFailed(f"{path}/config.json has no {name}: this is no compiled engine")
    return _section(config, name)


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _whole(path: Path, values: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise EngineStartFailed(f"engine {path} has {name} {value!r}, not a whole number above 0; {BUILD}")
    return value


__all__ = ["BUILD", "Compiled", "Kind", "Metadata", "kind_of", "normal_arch", "read_engine"]
