"""What both ways of writing a record share."""

import logging
from datetime import UTC, datetime


def when(record: logging.LogRecord) -> str:
    """When it was logged, in UTC to the microsecond."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def raised(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    """Its traceback, if it has one."""
    return formatter.formatException(record.exc_info) if record.exc_info else None


__all__ = ["raised", "when"]
