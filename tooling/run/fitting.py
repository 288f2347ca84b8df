"""Whether TensorRT-LLM can serve what was asked, told before the server loads anything. Reads small files only."""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engines.errors import EngineStartFailed
from engines.quantised import FILES, detect
from engines.trt import TrtConfig
from engines.trt.plan import check_machine, make_plan
from runtime.gpus import GpuMemory
from runtime.settings import Settings
from tooling.refusal import REFUSED, Refusal
from tooling.trt.versions import require_engines


def installed_version() -> str | None:
    """The version of TensorRT-LLM beside this interpreter, None if it says none."""
    try:
        return version("tensorrt-llm")
    except PackageNotFoundError:
        return None


def require_fit(settings: Settings, gpus: Sequence[GpuMemory], library: str | None) -> None:
    """Raises `Refusal` with what does not fit: engine directory, sizes, library version, GPU architecture, format."""
    try:
        plan = make_plan(_config(settings))
        if plan.compiled is not None and library is not None:
            require_engines(library)
            check_machine(plan.compiled, version=library, gpu_arch=gpus[0].sm if gpus else None)
    except EngineStartFailed as error:
        raise Refusal(str(error), REFUSED) from error


def _described(directory: Path) -> dict[str, Mapping[str, Any]]:
    """What a local directory's files say of its weights."""
    found: dict[str, Mapping[str, Any]] = {}
    for name in FILES:
        try:
            content = json.loads((directory / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # the engine itself tells of a broken file
        if isinstance(content, dict):
            found[name] = content
    return found


def _config(settings: Settings) -> TrtConfig:
    """What the server's own plan will see, as far as files and numbers go."""
    place, trt, engine = settings.deployment, settings.trt, settings.engine
    model = place.chat_model or ""
    # Of a hub id nothing but the name is known before its files are fetched: the server itself looks at those.
    is_known = trt.engine_dir is not None or Path(model).is_dir()
    return TrtConfig(
        model=model,
        engine_dir=trt.engine_dir,
        engine_is_named=trt.engine_dir is not None,
        revision=place.chat_revision,
        max_model_len=settings.chat.max_len,
        max_output_len=settings.chat.max_out,
        batch_size=trt.batch_size,
        quantization=place.chat_quantization.value if is_known else "auto",
        checkpoint=detect(model, _described(Path(model))),
        tensor_parallel=engine.tensor_parallel,
        pipeline_parallel=engine.pipeline_parallel,
        data_parallel=engine.data_parallel,
    )


__all__ = ["installed_version", "require_fit"]
