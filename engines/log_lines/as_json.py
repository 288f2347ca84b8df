"""A record as JSON."""

import json
import logging

from engines.log_lines.parts import raised, when


class JsonLines(logging.Formatter):
    """As the server's JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        said = {
            "timestamp": when(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            "pid": record.process,
        }
        trace = raised(self, record)
        return json.dumps(said if trace is None else {**said, "exception": trace})


__all__ = ["JsonLines"]
