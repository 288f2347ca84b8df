"""What the process finds around it: GPUs, a scratch directory, the library variables that engines inherit."""

import tempfile
from collections.abc import MutableMapping
from pathlib import Path

import structlog
from attrs import frozen

from engines import trt, vllm
from runtime.gpus import GpuMemory, visible_gpus
from runtime.settings import EngineName, LogFormat, Settings
from runtime.settings.links import library_links
from runtime.settings.sections import VARIABLES

log = structlog.get_logger()
VLLM_CPU_KV_CACHE = "VLLM_CPU_KVCACHE_SPACE"
# vLLM takes these for its number of replicas where it is told one.
VLLM_REPLICAS = ("VLLM_DP_SIZE", "VLLM_DP_RANK", "VLLM_DP_RANK_LOCAL")
NO_IMPLICIT_TOKEN = "HF_HUB_DISABLE_IMPLICIT_TOKEN"  # noqa: S105  # a variable's name

# loguru's, with which llmcompressor and compressed-tensors log, and llmcompressor's own on top of it.
LOGURU_LEVELS = ("LOGURU_LEVEL", "LLM_COMPRESSOR_LOG_LEVEL")
LOGURU_JSON = "LOGURU_SERIALIZE"

# As huggingface_hub reads its own flags.
YES = ("1", "ON", "YES", "TRUE")


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


def look_around(
    settings: Settings, environ: MutableMapping[str, str], scratch: Path, sockets: Path | None = None
) -> Surroundings:
    """Find the GPUs and set the variables that libraries read when they are imported, in `environ`, the process's own.

    `sockets`: the directory for those of the engine's processes; None leaves the choice to the library.
    """
    gpus = visible_gpus(environ)
    _drop_service_links(environ)
    _keep_secrets(environ)
    _tell_hub(settings, environ)
    _tell_how_much(settings, environ)
    fills = not settings.deployment.skip_env_autoconfig
    if settings.deployment.deploy_mode.chats and settings.deployment.inference_engine is EngineName.TRT:
        elsewhere = None if sockets is None or sockets.is_relative_to(tempfile.gettempdir()) else sockets
        verbose = settings.logs.show_trt_logs
        mark = trt.apply_library_env(environ, verbose=verbose, sockets=elsewhere, fills=fills)
        return Surroundings(gpus=gpus, mark=mark)
    if not gpus and settings.engine.kv_cache_bytes is not None:
        # vLLM would let its variable outweigh the argument.
        _set_aside(environ, VLLM_CPU_KV_CACHE, "CHAT_KV_CACHE_BYTES")
    for name in VLLM_REPLICAS:
        _set_aside(environ, name, "CHAT_DATA_PARALLEL")
    error_log = scratch / "engine-errors.log"
    mark = vllm.apply_library_env(
        environ,
        gpu=bool(gpus),
        verbose=settings.logs.show_vllm_logs,
        as_json=settings.logs.app_log_format is LogFormat.JSON,
        error_log=error_log,
        sockets=sockets,
        fills=fills,
    )
    return Surroundings(gpus=gpus, mark=mark, error_log=error_log)


def _drop_service_links(environ: MutableMapping[str, str]) -> None:
    """A library that read them would take an address for a number, or fail."""
    links = library_links(environ)
    for name in links:
        del environ[name]
    if links:
        _warn(f"{', '.join(links)}: service links of the container platform, kept from the engine")


def _keep_secrets(environ: MutableMapping[str, str]) -> None:
    """They are in the settings by now; the engine's processes, and whatever they start or write down, need none but
    the hub's token.
    """
    for variable in VARIABLES.values():
        if variable.secret and variable.name != "HF_TOKEN":
            environ.pop(variable.name, None)


def _tell_hub(settings: Settings, environ: MutableMapping[str, str]) -> None:
    """The hub's client and transformers read these, wherever they are called from."""
    token, home = settings.deployment.hf_token, settings.deployment.hf_home
    if token is not None:
        environ["HF_TOKEN"] = token.reveal()
        if environ.get(NO_IMPLICIT_TOKEN, "").upper() in YES:
            _set_aside(environ, NO_IMPLICIT_TOKEN, "HF_TOKEN")
    if home is not None:
        environ["HF_HOME"] = str(home)


def _tell_how_much(settings: Settings, environ: MutableMapping[str, str]) -> None:
    """How much libraries log that ask a variable, here and in the engine's processes; one that is set is left alone."""
    logs = settings.logs
    if logs.show_hf_logs or logs.show_tool_logs:
        for name in ("HF_HUB_VERBOSITY", "TRANSFORMERS_VERBOSITY"):
            environ.setdefault(name, "info")
    else:
        environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    for name in LOGURU_LEVELS:
        environ.setdefault(name, "INFO" if logs.show_llmcompressor_logs else "WARNING")
    if logs.app_log_format is LogFormat.JSON:
        environ.setdefault(LOGURU_JSON, "1")


def _set_aside(environ: MutableMapping[str, str], library: str, ours: str) -> None:
    if environ.pop(library, ""):
        _warn(f"{library} is set aside: {ours} is what counts")


def _warn(warning: str) -> None:
    log.warning("settings.warned", warning=warning)


__all__ = ["Surroundings", "look_around"]
