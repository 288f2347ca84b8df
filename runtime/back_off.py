"""How long to wait before a model that died is started again, and how often to try."""

import math
from collections import deque

import trio
from attrs import define, field

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STABLE_AFTER_S = 60.0
"""What has served that long starts again from the shortest pause when it dies."""
MAX_FAILURES = 8
WINDOW_S = 1800.0
"""So many failures in so short a time are no accident any more. Eight pauses are two minutes, which leaves each of the
eight starts three minutes of loading: a large model that never comes up again is found out too."""


@define
class Endurance:
    """Counts failures in a sliding window."""

    _failed_at: deque[float] = field(factory=lambda: deque(maxlen=MAX_FAILURES))

    def ends(self, now: float) -> bool:
        """A failure at `now`, in seconds; whether it is one too many."""
        self._failed_at.append(now)
        return len(self._failed_at) == MAX_FAILURES and now - self._failed_at[0] <= WINDOW_S


@define
class BackOff:
    """Counts failures in a row."""

    failures: int = 0

    def pause_s(self, served_s: float) -> float:
        """Seconds to wait after a failure that ended `served_s` seconds of service."""
        self.failures = 1 if served_s >= STABLE_AFTER_S else self.failures + 1
        return PAUSES_S[min(self.failures, len(PAUSES_S)) - 1]


def served_s(ready_at: float) -> float:
    """Seconds since it became ready; 0 if it never did (`-inf`)."""
    return 0.0 if ready_at == -math.inf else trio.current_time() - ready_at


__all__ = ["MAX_FAILURES", "PAUSES_S", "STABLE_AFTER_S", "WINDOW_S", "BackOff", "Endurance", "served_s"]
