"""Formatters for the engine's own processes, which have none of the server's logging: one line a record, as it writes.

Named in a set-up that those processes read, so this imports the standard library only.
"""

import json
import logging
import re
from datetime import UTC, datetime

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def shown(*, as_json: bool) -> logging.Formatter:
    """How a process of the engine writes; Python's warnings become records there, too."""
    logging.captureWarnings(True)
    return JsonLines() if as_json else TextLines()


class TextLines(logging.Formatter):
    """As the server's text: time, level, what is said, and by whom."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; the lines of a traceback follow each other in it."""
        words = CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), record.getMessage())
        line = f"{_when(record)} [{record.levelname.lower():9}] {words} logger={record.name} pid={record.process}"
        raised = _raised(self, record)
        return line if raised is None else f"{line} raised={' | '.join(map(str.strip, raised.splitlines()))!r}"


class JsonLines(logging.Formatter):
    """As the server's JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        said = {
            "timestamp": _when(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            "pid": record.process,
        }
        raised = _raised(self, record)
        return json.dumps(said if raised is None else {**said, "exception": raised})


def _when(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _raised(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    return formatter.formatException(record.exc_info) if record.exc_info else None


__all__ = ["JsonLines", "TextLines", "shown"]
