"""The environment variables that TensorRT-LLM and what it brings along read once, when they are imported."""

from collections.abc import MutableMapping

from engines.guardian import put_mark

# Set only where unset.
LIBRARY_ENV = {
    "TLLM_LOG_LEVEL": "WARNING",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # 1.3 and later report their use when an engine is made, unless told not to.
    "DO_NOT_TRACK": "1",
    "TRTLLM_NO_USAGE_STATS": "1",
    "CUDA_MODULE_LOADING": "LAZY",
}


def apply_library_env(environ: MutableMapping[str, str], *, verbose: bool = False) -> str:
    """Fill in what is unset, before the engine is opened; returns the mark for `TrtConfig.mark`.

    `verbose` leaves the library's own records at INFO.
    """
    for name, value in LIBRARY_ENV.items():
        environ.setdefault(name, "INFO" if verbose and name == "TLLM_LOG_LEVEL" else value)
    return put_mark(environ)


__all__ = ["LIBRARY_ENV", "apply_library_env"]
