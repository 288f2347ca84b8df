"""What the process finds around it: GPUs, a scratch directory, the library variables that engines inherit."""

from collections.abc import MutableMapping
from pathlib import Path

import structlog
from attrs import frozen

from engines import trt, vllm
from runtime.gpus import GpuMemory, visible_gpus
from runtime.settings import EngineName, Settings

log = structlog.get_logger()
VLLM_CPU_KV_CACHE = "VLLM_CPU_KVCACHE_SPACE"


@frozen(kw_only=True)
class Surroundings:
    """What is known besides the settings. `mark`: the environment entry by which engine processes are known as ours.

    `error_log`: where the engine's processes write their errors. `load_format`: vLLM's; `dummy` (random weights, for
    benchmarks) needs a config and a tokenizer only.
    """

    gpus: tuple[GpuMemory, ...] = ()
    mark: str = ""
    error_log: Path | None = None
    load_format: str = "auto"


def look_around(settings: Settings, environ: MutableMapping[str, str], scratch: Path) -> Surroundings:
    """Find the GPUs and set the library variables, which libraries read when they are imported."""
    gpus = visible_gpus(environ)
    if settings.deployment.skip_env_autoconfig:
        return Surroundings(gpus=gpus)
    if settings.deployment.inference_engine is EngineName.TRT:
        return Surroundings(gpus=gpus, mark=trt.apply_library_env(environ, verbose=settings.logs.show_trt_logs))
    if not gpus and settings.engine.kv_cache_bytes is not None and environ.pop(VLLM_CPU_KV_CACHE, ""):
        # vLLM would let its variable outweigh the argument.
        log.warning("settings.warned", warning=f"{VLLM_CPU_KV_CACHE} is set aside: CHAT_KV_CACHE_BYTES is set as well")
    error_log = scratch / "engine-errors.log"
    mark = vllm.apply_library_env(environ, gpu=bool(gpus), verbose=settings.logs.show_vllm_logs, error_log=error_log)
    return Surroundings(gpus=gpus, mark=mark, error_log=error_log)


__all__ = ["Surroundings", "look_around"]
