"""A server that runs on and on while no time passes."""

import trio
from attrs import define

from tests.simulation.judge import Judge

TURNS = 100_000
"""Of the loop, at one moment of virtual time. A busy one takes a few hundred."""


@define(eq=False)
class Spinning(trio.abc.Instrument):
    """Counts the turns of the loop at each moment."""

    judge: Judge
    _at: float = -1.0
    _turns: int = 0

    def before_io_wait(self, timeout: float) -> None:
        """The loop has done one more turn."""
        now = trio.current_time()
        if now != self._at:
            self._at, self._turns = now, 0
        self._turns += 1
        if self._turns == TURNS:
            self.judge.broken("spins", f"{TURNS} turns of the loop at {now:g} s")


__all__ = ["Spinning"]
