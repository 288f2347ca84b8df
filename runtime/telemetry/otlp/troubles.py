"""What goes wrong on the way out, in a line a minute for all of it together."""

import math
from collections.abc import Callable

import structlog
import trio
from attrs import define, field

log = structlog.get_logger()
EVERY_S = 60.0


@define(eq=False)
class Troubles:
    """Tells the log. Used on the loop."""

    clock: Callable[[], float] = trio.current_time
    _why: dict[str, str] = field(factory=dict)
    _check: str = ""
    _failures: int = 0
    _lost: int = 0
    _told: set[str] = field(factory=set)
    _told_at: float = -math.inf

    def failed(self, signal: str, why: str, check: str = "") -> None:
        """A request of a signal (traces, metrics) was not taken."""
        self._why[signal] = why
        self._check = check or self._check
        self._failures += 1
        self._tell()

    def lost(self, spans: int) -> None:
        """Spans will not be sent any more. It is told with the failure that follows, or with its end."""
        self._lost += spans

    def worked(self, signal: str) -> None:
        """A request was taken."""
        if signal in self._told:
            self._told.discard(signal)
            log.info("telemetry.export_works", signal=signal, spans_lost=self._lost)
            self._lost = 0

    def _tell(self) -> None:
        now = self.clock()
        if now - self._told_at < EVERY_S:
            return
        log.warning(
            "telemetry.export_failed",
            why=", ".join(f"{signal}: {why}" for signal, why in sorted(self._why.items())),
            failures=self._failures,
            spans_lost=self._lost,
            check=self._check or None,
        )
        self._told_at, self._failures, self._lost, self._check = now, 0, 0, ""
        self._told.update(self._why)
        self._why.clear()


__all__ = ["EVERY_S", "Troubles"]
