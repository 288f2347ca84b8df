"""What an engine's actor is held to, and what it says of itself: limits, state, a snapshot for health and metrics."""

import enum

from attrs import frozen


class EngineState(enum.Enum):
    """READY takes requests; STALLED has made no progress for a while; DOWN is starting, restarting or stopped."""

    DOWN = "down"
    READY = "ready"
    STALLED = "stalled"


@frozen
class EngineStats:
    """A snapshot: requests alive, aborts not yet confirmed, places taken by turns; and what the engine was told to stop
    since the start of the process, by cause, the warm-up's included.
    """

    state: EngineState
    running: int
    unconfirmed_aborts: int
    places: int
    aborts: dict[str, int]


@frozen(kw_only=True)
class EngineLimits:
    """Seconds, and the queue's length. `max_queued` None: as many as the engine runs at once."""

    max_queued: int | None = None
    cancel_grace_s: float = 5.0
    stall_timeout_s: float = 10.0
    hang_timeout_s: float = 30.0


__all__ = ["EngineLimits", "EngineState", "EngineStats"]
