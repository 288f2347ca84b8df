"""structlog and the standard library's logging, set up once, at the start of the process."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

from actors.log_context import add_ids
from runtime.logs.libraries import Shown, adopt_speakers, quieten, shown
from runtime.logs.sink import Sink
from runtime.settings import LogFormat, Settings
from runtime.tracebacks import render

log = structlog.get_logger()
NO_COLOR = "NO_COLOR"
"""Set to anything, there are no colours (https://no-color.org)."""
FORCE_COLOR = "FORCE_COLOR"
"""Set to anything, there are colours although a pipe reads (https://force-color.org): behind it is a terminal."""
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure(settings: Settings, environ: Mapping[str, str]) -> None:
    """Everything goes to stderr, one line a record. `environ`: the process's own, for what a terminal is told by it."""
    sink = Sink(sys.stderr)
    as_json = settings.logs.app_log_format is LogFormat.JSON
    shared: list[Processor] = [
        add_ids,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Before the renderer: its own tracebacks would show local variables, keys and texts among them.
        structlog.processors.ExceptionRenderer(render),
    ]
    last: list[Processor] = [_in_order, structlog.processors.JSONRenderer()]
    if not as_json:
        console = structlog.dev.ConsoleRenderer(
            colors=_has_colours(sys.stderr, environ), pad_event_to=0, sort_keys=False
        )
        last = [_flat, console]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(settings.logs.app_log_level.name),
        logger_factory=lambda *_: sink,
        cache_logger_on_first_use=True,
    )
    handler = _Handler(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    wanted = shown(settings)
    handler.addFilter(Shown(wanted))
    logging.getLogger().handlers = [handler]
    quieten(wanted)
    adopt_speakers()
    logging.captureWarnings(True)


class _Handler(logging.Handler):
    """Libraries' records to the same lines."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Write one. Of a record whose arguments do not fit its own message, where it comes from is told."""
        try:
            line = self.format(record)
        except Exception:
            log.warning("record.malformed", logger=record.name, where=f"{record.filename}:{record.lineno}")
            return
        self._sink.write(line)


def _has_colours(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Where a terminal reads, or whoever reads asks for them, and nobody has said no."""
    wanted = stream.isatty() or bool(environ.get(FORCE_COLOR))
    return wanted and not environ.get(NO_COLOR) and environ.get("TERM") != "dumb"


def _in_order(_logger: object, _method: str, event: EventDict) -> EventDict:
    """What every line has comes first."""
    first = {name: event.pop(name) for name in ("timestamp", "level", "event") if name in event}
    return {**first, **event}


def _flat(_logger: object, _method: str, event: EventDict) -> EventDict:
    """One line, whatever a library says; the lines of an exception become one field."""
    event["event"] = CONTROLS.sub(
        lambda found: found[0].encode("unicode_escape").decode(), str(event["event"]).rstrip()
    )
    if (exception := event.pop("exception", None)) is not None:
        event["raised"] = " | ".join(line.strip() for line in str(exception).splitlines())
    return event


__all__ = ["configure"]
