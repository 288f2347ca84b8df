"""The line at the bottom of a terminal."""

import os
from typing import TextIO


class LastLine:
    """The line at the bottom of a terminal, drawn over again; elsewhere, plain lines. Without a stream, nothing."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.terminal = stream is not None and stream.isatty()

    def draw(self, text: str) -> None:
        """Show this in place of what is there."""
        self.wipe()
        self.put(text[: self._columns() - 1] if self.terminal else f"{text}\n")

    def wipe(self) -> None:
        """Make room for another line; this one comes back when it is drawn next."""
        if self.terminal:
            self.put("\r\x1b[K")

    def put(self, text: str) -> None:
        """Write as it is."""
        if self.stream is None:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:  # nobody looks any more; what the run finds does not depend on it
            self.stream = None

    def _columns(self) -> int:
        """Of the terminal as it is now: a longer line would leave its first half behind when it is wiped."""
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80 if self.stream is not None else 80
        except OSError:
            return 80


__all__ = ["LastLine"]
