"""Progress of one load after the other on stderr: a redrawn line on a terminal, a plain one every ten seconds else."""

from typing import TextIO

import trio

from tooling.clients.output.last_line import LastLine

WIDTH, PLAIN_S, REDRAW_S = 20, 10.0, 0.5


class Ticker(LastLine):
    """Shows a load as it goes; without a stream, to nobody. `seconds`: how long it takes."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream)
        self.seconds, self.callers, self.turns = 1.0, 0, 0
        self._began = self._told_at = 0.0

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
            if self.terminal or now - self._told_at >= PLAIN_S:
                self._told_at = now
                self.draw(self.line(now))

    def line(self, now: float) -> str:
        """The load as a line."""
        passed = min(now - self._began, self.seconds)
        filled = int(WIDTH * passed / self.seconds)
        bar = f"[{'#' * filled}{'-' * (WIDTH - filled)}]"
        return f"{bar} callers {self.callers}  turns {self.turns}  {passed:.0f}<{self.seconds - passed:.0f} s"


__all__ = ["Ticker"]
