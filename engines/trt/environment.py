"""The environment variables that TensorRT-LLM and what it brings along read once, when they are imported."""

from collections.abc import MutableMapping
from pathlib import Path

from engines.guardian import put_mark

# Set only where unset.
LIBRARY_ENV = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # 1.3 and later report their use when an engine is made, unless told not to.
    "DO_NOT_TRACK": "1",
    "TRTLLM_NO_USAGE_STATS": "1",
    "CUDA_MODULE_LOADING": "LAZY",
}


LOG_LEVEL = "TLLM_LOG_LEVEL"
SOCKETS = "TMPDIR"


def apply_library_env(
    environ: MutableMapping[str, str], *, verbose: bool = False, sockets: Path | None = None, fills: bool = True
) -> str:
    """Fill in what is unset, before the engine is opened; returns the mark for `TrtConfig.mark`.

    `verbose` leaves the library's own records at INFO. `sockets`: where its processes put what they put into `TMPDIR`,
    sockets of MPI among it; None leaves that alone. Without `fills` the library's variables are left alone, and only
    what this server needs is set.
    """
    for name, value in LIBRARY_ENV.items() if fills else ():
        environ.setdefault(name, value)
    environ.setdefault(LOG_LEVEL, "INFO" if verbose else "WARNING")
    if sockets is not None:
        environ[SOCKETS] = str(sockets)
    return put_mark(environ)


__all__ = ["LIBRARY_ENV", "apply_library_env"]
