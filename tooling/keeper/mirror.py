"""Where a launch's lines go: its log, the terminal in front of it, and the last of them for whoever asks why."""

import contextlib
import re
import sys
from collections import deque

from attrs import define, field

from tooling.keeper.logfile import LogFile
from tooling.keeper.memory import cause_in
from tooling.keeper.terminal import Terminal

TAIL_LINES = 60
TAIL_LINE_BYTES = 4096
COLOURS = re.compile(rb"\x1b\[[0-9;]*m")
CUT_COLOUR = re.compile(rb"\x1b(\[[0-9;]*)?\Z")


@define(eq=False)
class Mirror:
    """Takes a server's bytes as they come, and lines of ours between its lines. Colours are for the terminal only.

    `out_of_memory`: the first line that said so, however many came after it.
    """

    log: LogFile
    terminal: Terminal | None
    out_of_memory: str | None = field(default=None, init=False)
    _held: bytes = field(default=b"", init=False)
    _line: bytes = field(default=b"", init=False)
    _tail: deque[bytes] = field(factory=lambda: deque(maxlen=TAIL_LINES), init=False)

    @property
    def tail(self) -> list[str]:
        """The last lines of the server, the one that has no end yet included."""
        return [line.decode("utf-8", "replace") for line in (*self._tail, self._line) if line.strip()]

    def pass_on(self, data: bytes) -> None:
        """What the server printed."""
        if self.terminal is not None:
            self.terminal.write(data)
        data = self._held + data
        cut = CUT_COLOUR.search(data)
        self._held = data[cut.start() :] if cut else b""
        plain = COLOURS.sub(b"", data[: cut.start()] if cut else data)
        self.log.write(plain)
        whole = self._line + plain
        if self.out_of_memory is None:
            self.out_of_memory = cause_in(whole)
        *lines, rest = whole.split(b"\n")
        self._tail.extend(line[:TAIL_LINE_BYTES] for line in lines)
        self._line = rest[:TAIL_LINE_BYTES]

    def say(self, text: str) -> None:
        """A line of ours, for both."""
        self.log.line(text)
        self.show(text)

    def show(self, text: str) -> None:
        """A line of ours for the terminal alone."""
        if self.terminal is not None:
            begin = "\n" if self._line else ""
            self.terminal.write(f"{begin}{text}\n".encode("utf-8", "backslashreplace"))

    def complain(self, text: str) -> None:
        """Something went wrong: on stderr, where a terminal is in front of us at all."""
        if self.terminal is not None:
            self.terminal.close()  # what led to it stands above
            with contextlib.suppress(OSError):
                print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Everything that is held goes out."""
        self.log.write(self._held)
        self._held = b""
        if self.terminal is not None:
            self.terminal.close()
        self.log.close()


__all__ = ["Mirror"]
