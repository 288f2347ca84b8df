"""What transformers does not find in a checkpoint that it loads. It makes that up, goes on, and says so in its log."""

import logging
from types import TracebackType
from typing import Self

LIBRARY = "transformers"
MARK = "| MISSING"


class Missing(logging.Handler):
    """A context manager: `names` are those of what was missing in whatever was loaded meanwhile."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Read a report: a table with a line for each name."""
        self.names += [line.split("|")[0].strip() for line in record.getMessage().splitlines() if MARK in line]

    def __enter__(self) -> Self:
        logging.getLogger(LIBRARY).addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        logging.getLogger(LIBRARY).removeHandler(self)


__all__ = ["Missing"]
