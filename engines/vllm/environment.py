"""The environment variables that vLLM and what it brings along read once, when they are imported."""

import json
import logging
from collections.abc import MutableMapping
from pathlib import Path

from engines.guardian import put_mark

# Set only where unset. spawn: a forked engine process would inherit the listening socket and every thread's locks.
LIBRARY_ENV = {
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "VLLM_NO_USAGE_STATS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "CUDA_MODULE_LOADING": "LAZY",
}

GPU_ENV = {"PYTORCH_ALLOC_CONF": "expandable_segments:True"}


# The same, but these carry out settings of ours: they are no convenience that can be declined.
OUR_ENV = {
    "VLLM_LOGGING_LEVEL": "WARNING",
    # vLLM's default is stdout, which belongs to our own records.
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
}
SOCKETS = "VLLM_RPC_BASE_PATH"
LINE = "%(levelname)s %(asctime)s [pid %(process)d %(name)s] %(message)s"
SHOWN = "engines.log_lines.shown"


def apply_library_env(
    environ: MutableMapping[str, str],
    *,
    gpu: bool,
    verbose: bool = False,
    as_json: bool = False,
    error_log: Path | None = None,
    sockets: Path | None = None,
    fills: bool = True,
) -> str:
    """Fill in what is unset, before the engine is opened; returns the mark for `VllmConfig.mark`.

    `verbose` leaves vLLM's own records at INFO; `as_json` makes each a JSON object. With `error_log` the engine's
    processes write their errors and tracebacks also into that file, so that a failed start can say why; an existing
    logging set-up is left alone. `sockets`: the directory of the sockets between its processes. Without `fills` the
    library's variables are left alone, and only what this server needs is set.
    """
    library = {**LIBRARY_ENV, **(GPU_ENV if gpu else {})} if fills else {}
    for name, value in {**library, **OUR_ENV}.items():
        environ.setdefault(name, "INFO" if verbose and name == "VLLM_LOGGING_LEVEL" else value)
    if sockets is not None:
        environ.setdefault(SOCKETS, str(sockets))
    if error_log is not None and not {"VLLM_LOGGING_CONFIG_PATH", "VLLM_CONFIGURE_LOGGING"} & environ.keys():
        environ["VLLM_LOGGING_CONFIG_PATH"] = str(
            _write_logging(
                error_log, environ["VLLM_LOGGING_LEVEL"].upper(), environ["VLLM_LOGGING_STREAM"], as_json=as_json
            )
        )
    return put_mark(environ)


def _write_logging(error_log: Path, level: str, stream: str, *, as_json: bool) -> Path:
    # A dictConfig for vLLM (its VLLM_LOGGING_CONFIG_PATH): the same stream and level, plus a file for errors.
    handlers = {
        "stream": {"class": "logging.StreamHandler", "stream": stream, "level": level, "formatter": "shown"},
        "errors": {
            "class": "logging.FileHandler",
            "filename": str(error_log.absolute()),
            "delay": True,
            "level": logging.getLevelName(logging.ERROR),
            "formatter": "line",
        },
    }
    path = error_log.with_suffix(".json")
    path.write_text(
        json.dumps(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "formatters": {"line": {"format": LINE}, "shown": {"()": SHOWN, "as_json": as_json}},
                "handlers": handlers,
                "loggers": {
                    "vllm": {"handlers": list(handlers), "level": level, "propagate": False},
                    "py.warnings": {"handlers": ["stream"], "propagate": False},
                },
            }
        ),
        encoding="utf-8",
    )
    return path


__all__ = ["GPU_ENV", "LIBRARY_ENV", "OUR_ENV", "SOCKETS", "apply_library_env"]
