"""Progress of one load after the other on stderr: a redrawn line on a terminal, a plain one every ten seconds else."""

from typing import TextIO

import trio
from attrs import define

WIDTH, PLAIN_S, REDRAW_S = 20, 10.0, 0.5


@define(eq=False)
class Ticker:
    """Shows a load as it goes. `seconds`: how long it takes."""

    stream: TextIO
    seconds: float = 1.0
    callers: int = 0
    turns: int = 0
    _began: float = 0.0
    _told_at: float = 0.0

    def begin(self, callers: int, seconds: float) -> None:
        """A load starts."""
        self.callers, self.turns, self.seconds = callers, 0, seconds
        self._began = self._told_at = trio.current_time()

    def turn(self) -> None:
        """A turn was heard."""
        self.turns += 1

    async def tick(self) -> None:
        """Show until cancelled."""
        while True:
            await trio.sleep(REDRAW_S)
            now = trio.current_time()
            if self.stream.isatty():
                self.stream.write(f"\r\x1b[K{self.line(now)}")
                self.stream.flush()
            elif now - self._told_at >= PLAIN_S:
                self._told_at = now
                print(self.line(now), file=self.stream, flush=True)

    def wipe(self) -> None:
        """Take the line away."""
        if self.stream.isatty():
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def line(self, now: float) -> str:
        """The load as a line."""
        passed = min(now - self._began, self.seconds)
        filled = int(WIDTH * passed / self.seconds)
        bar = f"[{'#' * filled}{'-' * (WIDTH - filled)}]"
        return f"{bar} callers {self.callers}  turns {self.turns}  {passed:.0f}<{self.seconds - passed:.0f} s"


__all__ = ["Ticker"]
