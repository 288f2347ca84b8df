"""Progress of a wait of known length: seconds left, redrawn on a terminal, a plain line now and then elsewhere."""

from typing import TextIO

import trio

from tooling.clients.output.last_line import LastLine
from tooling.clients.output.progress import PLAIN_S, WIDTH

REDRAW_S = 1.0


class Countdown(LastLine):
    """A wait of `total_s` seconds, counted by trio's clock from now on."""

    def __init__(self, stream: TextIO | None, total_s: float) -> None:
        super().__init__(stream)
        self._total_s = total_s
        self._began = trio.current_time()

    async def run(self) -> None:
        """Show the seconds left until cancelled; a wait that is over has 0 left."""
        every_s = REDRAW_S if self.terminal else min(PLAIN_S, max(REDRAW_S, self._total_s / 10))
        try:
            while True:
                self.draw(self._line())
                await trio.sleep(every_s)
        finally:
            self.wipe()

    def _line(self) -> str:
        passed = min(trio.current_time() - self._began, self._total_s)
        filled = int(WIDTH * passed / self._total_s)
        return f"[{'#' * filled}{'-' * (WIDTH - filled)}] {self._total_s - passed:.0f} s left"


__all__ = ["Countdown"]
