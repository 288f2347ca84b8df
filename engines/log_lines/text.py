"""A record as text."""

import logging
import re

from engines.log_lines.parts import raised, when

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class TextLines(logging.Formatter):
    """As the server's text: time, level, what is said, and by whom."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; the lines of a traceback follow each other in it."""
        words = CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), record.getMessage())
        line = f"{when(record)} [{record.levelname.lower():9}] {words} logger={record.name} pid={record.process}"
        trace = raised(self, record)
        return line if trace is None else f"{line} raised={' | '.join(map(str.strip, trace.splitlines()))!r}"


__all__ = ["TextLines"]
