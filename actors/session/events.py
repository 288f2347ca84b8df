"""What happens to a session: past tense, frozen, one class each. Every event of a turn carries the turn's number."""

import enum

from attrs import field, frozen

from actors.session.history import HistoryMessage
from actors.session.opening import Opening
from protocol.errors import PeerProtocolError
from protocol.turns import Played, TurnPayload


class TurnKind(enum.Enum):
    """Which client frame asked for a turn."""

    START = "start"
    MESSAGE = "message"
    FOLLOWUP = "followup"


class Ending(enum.Enum):
    """How a turn's task ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    BUSY = "busy"
    REFUSED = "refused"


# -- from the client ---------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class TurnRequested:
    """A turn frame passed every check.

    `message`: what the user's part adds to the history. `opening`: what a first start fixes. `routed`: the router
    decides first. `read_at`: monotonic seconds.
    """

    turn: int
    kind: TurnKind
    session_id: str
    request_id: str
    payload: TurnPayload = field(repr=False)
    message: HistoryMessage = field(repr=False)
    opening: Opening | None = field(default=None, repr=False)
    routed: bool = False
    read_at: float = 0.0


@frozen(kw_only=True)
class CancelRequested:
    """The client wants the running turn stopped. `used`: the id was a turn's on this connection. `read_at` as above."""

    session_id: str
    request_id: str
    reason: str
    used: bool
    played: Played | None = None
    read_at: float | None = None


@frozen
class EndRequested:
    """The client says goodbye."""

    session_id: str
    request_id: str
    read_at: float | None = None


@frozen
class PingReceived:
    """The client wants a pong."""

    session_id: str
    request_id: str


@frozen
class FrameRefused:
    """A client frame failed a check: an error frame, and a close if the error says so."""

    error: PeerProtocolError


@frozen
class ClientGone:
    """The connection is closed or broken; nobody can be told anything any more."""


@frozen
class ClientStalled:
    """The client takes nothing (`slow_consumer`)."""


# -- from the turn's task, the router and the engine -------------------------------------------------------------------


@frozen
class ChunkProduced:
    """The engine generated text for a turn. It may be empty: several tokens can make one character."""

    turn: int
    text: str = field(repr=lambda text: f"<{len(text)} chars>")
    tokens: int = 1


@frozen(kw_only=True)
class Routed:
    """The router decided, or failed to (`score` None): then the decision is no."""

    turn: int
    yes: bool
    score: float | None = None
    chats: bool = True


@frozen(kw_only=True)
class TurnEnded:
    """The one terminal event of a turn's task, unless it crashed. `detail`: reason code or finish reason."""

    turn: int
    how: Ending
    detail: str = ""


# -- from the server ---------------------------------------------------------------------------------------------------


@frozen
class IdleExpired:
    """No well-formed frame for the idle time-out, and no turn running."""


@frozen
class DrainStarted:
    """The server is shutting down: a running turn may finish, nothing new starts."""


@frozen
class DrainExpired:
    """The server's patience with running turns is over."""


@frozen
class CancelOverdue:
    """A cancelled turn's task has not ended within the grace time."""

    turn: int


Event = (
    TurnRequested
    | CancelRequested
    | EndRequested
    | PingReceived
    | FrameRefused
    | ClientGone
    | ClientStalled
    | ChunkProduced
    | Routed
    | TurnEnded
    | IdleExpired
    | DrainStarted
    | DrainExpired
    | CancelOverdue
)

READ = (TurnRequested, CancelRequested, EndRequested)
"""Frames that can stop a turn: they say when they were read."""

__all__ = [
    "READ",
    "CancelOverdue",
    "CancelRequested",
    "ChunkProduced",
    "ClientGone",
    "ClientStalled",
    "DrainExpired",
    "DrainStarted",
    "EndRequested",
    "Ending",
    "Event",
    "FrameRefused",
    "IdleExpired",
    "PingReceived",
    "Routed",
    "TurnEnded",
    "TurnKind",
    "TurnRequested",
]
