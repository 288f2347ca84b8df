"""What a session does: imperative, frozen, one class each. `step` returns them, the actor performs them in order."""

import enum

from attrs import frozen

from actors.session.events import CancelRequested, ChunkProduced, PingReceived, Routed, TurnEnded, TurnRequested
from protocol.errors import PeerProtocolError


class AbortCause(enum.Enum):
    """Why a generation is stopped before its end; every abort is counted once, by cause."""

    CANCEL = "client_cancel"
    BARGE_IN = "barge_in"
    END = "client_end"
    DISCONNECT = "disconnect"
    SLOW_CONSUMER = "slow_consumer"
    TIMEOUT = "timeout"
    SPECULATION = "speculation"
    STOP_STRING = "stop_string"
    SHUTDOWN = "drain"
    INTERNAL = "internal"


class Hangup(enum.Enum):
    """Why a connection ends; close code and reason follow from it. GONE: the client is away already."""

    CLIENT_REQUEST = "client_request"
    IDLE = "idle_timeout"
    SHUTDOWN = "server_shutdown"
    SLOW_CONSUMER = "slow_consumer"
    REFUSED = "refused"
    INTERNAL = "internal_error"
    GONE = "gone"


@frozen
class AcceptTurn:
    """Apply `played`, store the user message, send the ack."""

    turn: TurnRequested


@frozen
class StartTurn:
    """Start the turn's task."""

    turn: TurnRequested


@frozen
class StopTurn:
    """Stop the running turn now: tell the engine, cancel its scope, drop its unsent text, store what was sent."""

    turn: int
    cause: AbortCause


@frozen
class ReportCancelled:
    """The `cancelled` frame of a turn, under the ids of the frame that stopped it (its own for a barge-in)."""

    turn: TurnRequested
    session_id: str
    request_id: str
    reason: str
    cancel: CancelRequested | None = None


@frozen
class AnswerNotRunning:
    """A cancel that finds nothing to stop still gets its one `cancelled`."""

    cancel: CancelRequested


@frozen
class HoldText:
    """Keep speculative text until the router has decided."""

    chunk: ChunkProduced


@frozen
class SendText:
    """Pass new text on to the client."""

    chunk: ChunkProduced


@frozen
class AnnounceDecision:
    """The `toolcall` frame; then held text flows (no) or is dropped and the user message gets its prefix (yes)."""

    routed: Routed


@frozen
class ConcludeTurn:
    """The turn ended by itself: its last frames, its reply into the history."""

    turn: TurnRequested
    ended: TurnEnded


@frozen
class SendPong:
    """Answer a ping."""

    ping: PingReceived


@frozen
class SendError:
    """Tell the client what was wrong with its frame."""

    error: PeerProtocolError


@frozen
class SayGoodbye:
    """The `session_end` frame. Ids: the client's `end` frame's, or None for the session's own."""

    reason: str
    session_id: str | None = None
    request_id: str | None = None


@frozen
class CloseConnection:
    """Close the WebSocket after what is in the outbox."""

    why: Hangup


Effect = (
    AcceptTurn
    | StartTurn
    | StopTurn
    | ReportCancelled
    | AnswerNotRunning
    | HoldText
    | SendText
    | AnnounceDecision
    | ConcludeTurn
    | SendPong
    | SendError
    | SayGoodbye
    | CloseConnection
)

__all__ = [
    "AbortCause",
    "AcceptTurn",
    "AnnounceDecision",
    "AnswerNotRunning",
    "CloseConnection",
    "ConcludeTurn",
    "Effect",
    "Hangup",
    "HoldText",
    "ReportCancelled",
    "SayGoodbye",
    "SendError",
    "SendPong",
    "SendText",
    "StartTurn",
    "StopTurn",
]
