"""How long to wait before a model that died is started again."""

import math

import trio
from attrs import define

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STABLE_AFTER_S = 60.0
"""What has served that long starts again from the shortest pause when it dies."""


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


__all__ = ["PAUSES_S", "STABLE_AFTER_S", "BackOff", "served_s"]
