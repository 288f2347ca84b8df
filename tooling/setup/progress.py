"""Progress of long steps on stderr: one line when a step starts, its seconds when it ends."""

import contextlib
import time
from collections.abc import Iterator
from typing import TextIO

PLAIN_INTERVAL_S = 10.0
REDRAW_INTERVAL_S = 0.1


class Progress:
    """Writes steps to a stream: redrawn in place on a terminal, a plain line now and then elsewhere.

    `name`: whose lines they are; every one begins with it.
    """

    def __init__(self, stream: TextIO, total: int = 0, *, name: str = "setup") -> None:
        self.stream = stream
        self.name = name
        self.total = total
        self._done = 0
        self._title = ""
        self._began = 0.0
        self._drawn = 0.0
        self._terminal = stream.isatty()

    def expect(self, total: int) -> None:
        """So many steps come now; they are counted from one."""
        self.total, self._done = total, 0

    def say(self, text: str) -> None:
        """One whole line."""
        self._clear()
        print(f"{self.name}: {text}", file=self.stream, flush=True)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step, and its seconds when it succeeds; a failure is told by whoever catches it."""
        self._done += 1
        self._title = f"[{self._done}/{self.total}] {title}"
        self._began = self._drawn = time.monotonic()
        self.say(f"{self._title} ...")
        yield
        self.say(f"{self._title}: done in {time.monotonic() - self._began:.1f} s")

    def tick(self, detail: str) -> None:
        """What the running step is doing; cheap, call it as often as something moves."""
        now = time.monotonic()
        if now - self._drawn < (REDRAW_INTERVAL_S if self._terminal else PLAIN_INTERVAL_S):
            return
        self._drawn = now
        line = f"{self.name}: {self._title}  {detail}  {now - self._began:.0f} s"
        if self._terminal:
            self.stream.write(f"\r\x1b[K{line[:100]}")
            self.stream.flush()
        else:
            print(line, file=self.stream, flush=True)

    def _clear(self) -> None:
        if self._terminal:
            self.stream.write("\r\x1b[K")


__all__ = ["Progress"]
