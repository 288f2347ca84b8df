"""How the engine's own processes log, which have none of the server's logging: one line a record, as it writes.

Named in a set-up that those processes read, so this imports the standard library only.
"""

import logging

from engines.log_lines.as_json import JsonLines
from engines.log_lines.text import TextLines


def shown(*, as_json: bool) -> logging.Formatter:
    """How a process of the engine writes; Python's warnings become records there, too."""
    logging.captureWarnings(True)
    return JsonLines() if as_json else TextLines()


__all__ = ["JsonLines", "TextLines", "shown"]
