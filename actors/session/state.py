"""The session machine's state, apart from its rules: the phase, the turn at work and the turn that waits."""

import enum

from attrs import frozen

from actors.session import events as ev


class Phase(enum.Enum):
    """Where a session is. CLOSED is terminal: nothing is fed to it any more."""

    IDLE = "idle"
    ROUTING = "routing"
    STREAMING = "streaming"
    CANCELLING = "cancelling"
    CLOSED = "closed"


@frozen
class Session:
    """`live`: the turn whose task runs (in CANCELLING: unwinds). `pending`: an acked turn that starts next."""

    phase: Phase = Phase.IDLE
    live: ev.TurnRequested | None = None
    pending: ev.TurnRequested | None = None
    draining: bool = False


__all__ = ["Phase", "Session"]
