"""Logs: one line a record, pretty on a terminal, JSON where asked; our own records and the libraries' alike."""

import logging
import sys

import structlog
from structlog.typing import Processor

from runtime.settings import LogFormat, Settings
from runtime.tracebacks import render

NOISY = ("trio-websocket", "trio_websocket", "httpx", "urllib3", "filelock", "transformers", "huggingface_hub")


def configure(settings: Settings) -> None:
    """Set up structlog and the standard library's logging on stderr, once, at the start of the process."""
    level = getattr(logging, settings.logs.app_log_level.name)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Before the renderer: its own tracebacks would show local variables, keys and texts among them.
    shared.append(structlog.processors.ExceptionRenderer(render))
    as_json = settings.logs.app_log_format is LogFormat.JSON
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


__all__ = ["configure"]
