"""An observer that traces: which sessions, and their spans as they end."""

from collections.abc import Callable
from random import Random
from time import time_ns

from attrs import define, field

from actors.happenings import Happening, SessionClosed, SessionOpened, TurnOver
from runtime.telemetry.otlp.spans import Span, Trace, Wall, new_trace, of_session, of_turn
from runtime.telemetry.recorder import Model

MOST_TRACED = 65_536
"""Sessions at a time; more are served untraced. A session that is traced holds less than a kilobyte."""


@define(eq=False)
class Tracer:
    """Makes spans of a share of sessions and hands each to `take`; of the others it makes nothing.

    `wall_ns`: Unix time in nanoseconds.
    """

    share: float
    model: Model
    take: Callable[[Span], None]
    random: Random = field(factory=Random)
    wall_ns: Callable[[], int] = time_ns
    paces: bool = False
    _traced: dict[int, Trace] = field(factory=dict)

    @property
    def open(self) -> int:
        """How many sessions are traced now."""
        return len(self._traced)

    def report(self, happening: Happening) -> None:
        """Trace it, if it belongs to a session that is traced."""
        match happening:
            case TurnOver():
                trace = self._traced.get(happening.session)
                if trace is not None:
                    wall = Wall(self.wall_ns(), happening.ended_at)
                    for span in of_turn(trace, happening, wall, self.model, self.random.getrandbits):
                        self.take(span)
            case SessionOpened(session=session):
                if len(self._traced) < MOST_TRACED and self.random.random() < self.share:
                    self._traced[session] = new_trace(session, self.random.getrandbits)
            case SessionClosed():
                trace = self._traced.pop(happening.session, None)
                if trace is not None:
                    self.take(of_session(trace, happening, Wall(self.wall_ns(), happening.at)))


__all__ = ["MOST_TRACED", "Tracer"]
