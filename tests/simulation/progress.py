"""How far a campaign is, on stderr: redrawn in place on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from attrs import define, field

LINES = 20
"""On a stream that is no terminal, one for each so many parts of the whole."""
LONGEST_S = 60.0
"""Nor is it silent for longer, where chunks come that often."""


@define(eq=False)
class Progress:
    """`total`: seeds of the whole campaign."""

    total: int
    stream: TextIO = field(factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.monotonic
    _told: int = 0
    _told_at: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._told_at = self.clock()

    def tell(self, done: int) -> None:
        """So many seeds are done."""
        if self.stream.isatty():
            print(
                f"{done} of {self.total} seeds", end="\r" if done < self.total else "\n", file=self.stream, flush=True
            )
            return
        now = self.clock()
        is_step = done * LINES // self.total > self._told * LINES // self.total
        if is_step or now - self._told_at >= LONGEST_S:
            self._told, self._told_at = done, now
            print(f"{done} of {self.total} seeds", file=self.stream, flush=True)


__all__ = ["Progress"]
