"""How often an error class is told."""

from collections.abc import Callable

from attrs import define, field

EVERY_S = 10.0
"""Of one class, an event in so many seconds (the guide, "Telemetry")."""
MAX_CLASSES = 256


@define
class _Last:
    at: float
    suppressed: int = 0


@define(eq=False)
class Limiter:
    """Remembers when each class was told last, of the `MAX_CLASSES` that were told most recently."""

    clock: Callable[[], float]
    _last: dict[str, _Last] = field(factory=dict)

    def admit(self, name: str) -> int | None:
        """How many of this class were suppressed since the last one that was told; None: so is this one."""
        now, last = self.clock(), self._last.get(name)
        if last is not None and now - last.at < EVERY_S:
            last.suppressed += 1
            return None
        self._last.pop(name, None)  # what is told goes to the end: the first is the one to forget
        self._last[name] = _Last(now)
        if len(self._last) > MAX_CLASSES:
            del self._last[next(iter(self._last))]
        return 0 if last is None else last.suppressed


__all__ = ["EVERY_S", "MAX_CLASSES", "Limiter"]
