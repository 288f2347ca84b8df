"""What happens, as actors tell it to whoever counts and traces: typed, past tense, without a word of anybody's text.

Actors know one `Observer` and nothing of what it does with this. Times are the clock's seconds, durations seconds.
"""

import enum
from collections.abc import Sequence
from typing import Protocol

from attrs import field, frozen

from actors.session.effects import AbortCause, Hangup
from engines.base import Usage


class TurnStatus(enum.Enum):
    """How an accepted turn ended; each ends once."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


@frozen
class SessionOpened:
    """A connection has a slot, and a session begins. `session`: its number, unique in the process."""

    session: int
    at: float


@frozen(kw_only=True)
class SessionClosed:
    """`why` None: a crash, or the process ends. `session_id`: the client's, None if it never began a turn."""

    session: int
    opened_at: float
    at: float
    turns: int
    why: Hangup | None
    session_id: str | None


@frozen
class TurnAccepted:
    """A turn was acked; a `TurnOver` follows. `kind`: start, message or followup."""

    session: int
    turn: int
    kind: str


@frozen(kw_only=True)
class GenerationTold:
    """One request of a turn to the engine. `end`: finish reason, `aborted` or `failed`. `cause`: why it was aborted.

    `arrivals`: when each of its tokens came, empty if nobody wanted to know.
    """

    submitted_at: float
    first_at: float | None
    ended_at: float
    usage: Usage
    end: str
    cause: AbortCause | None = None
    arrivals: Sequence[float] = field(default=(), repr=False)


@frozen(kw_only=True)
class RouteTold:
    """A decision. `score` None: it failed or was late, and counts as no."""

    started_at: float
    seconds: float
    yes: bool
    score: float | None


@frozen
class Speech:
    """What a voice would have made of a reply as it came: how often, and for how long, it had nothing to say."""

    pauses: int
    silence_s: float


@frozen(kw_only=True)
class TurnOver:
    """A turn has ended, whoever ended it, and will be heard of no more. Ids are the client's, as logs show them.

    `reason`: the finish reason of a completed one, the cause of a cancelled one, what went wrong with a failed one.
    `cause`: why it, or its generation, was stopped. `error_type`: class of the error, if one ended it.
    `queued_s`: from its frame to its hand-over to the engine. `first_text_at`: when its first text was ready for the
    client. `interrupted`: number of the turn that it barged in on.
    """

    session: int
    turn: int
    session_id: str
    request_id: str
    kind: str
    status: TurnStatus
    reason: str
    cause: AbortCause | None
    error_type: str | None
    read_at: float
    ended_at: float
    queued_s: float | None
    first_text_at: float | None
    usage: Usage
    generations: tuple[GenerationTold, ...]
    route: RouteTold | None
    speech: Speech | None
    interrupted: int | None


@frozen
class AbortTold:
    """The engine was told to stop a generation. `seconds`: since the cause was read."""

    cause: AbortCause
    seconds: float


@frozen
class AbortConfirmed:
    """The engine says that a generation is gone. `seconds`: since the cause was read."""

    cause: AbortCause
    seconds: float


@frozen
class TokensWasted:
    """The engine generated tokens for a request that had been aborted."""

    tokens: int


@frozen
class FrameRefused:
    """A client's frame was answered with an error. Codes as on the wire."""

    code: str
    reason_code: str


@frozen
class Classified:
    """The tool model read a batch of questions."""

    questions: int
    seconds: float


@frozen
class ConnectionRejected:
    """A connection was turned away before it had a slot. Reason code as on the wire; `crowded` for a 503."""

    reason_code: str


@frozen
class SlotTaken:
    """A connection got its slot, after so many seconds."""

    waited_s: float


@frozen
class ServerReady:
    """Everything is up. `seconds`: since the process began to load."""

    seconds: float


@frozen
class EngineRestarted:
    """The chat engine is gone, and another one takes its place."""

    error: Exception


@frozen
class Crashed:
    """An exception that nobody foresaw ended something. `where`: connection, session, engine, router or server.

    The ids are the client's, None where there is none.
    """

    where: str
    error: BaseException
    session: int | None = None
    session_id: str | None = None
    request_id: str | None = None


Happening = (
    SessionOpened
    | SessionClosed
    | TurnAccepted
    | TurnOver
    | AbortTold
    | AbortConfirmed
    | TokensWasted
    | FrameRefused
    | Classified
    | ConnectionRejected
    | SlotTaken
    | ServerReady
    | EngineRestarted
    | Crashed
)


class Observer(Protocol):
    """Who is told. `paces`: whether it wants to know when each token came, which costs a little for every one."""

    @property
    def paces(self) -> bool:
        """See above."""

    def report(self, happening: Happening) -> None:
        """Take note; never blocks, never raises."""


@frozen
class Nobody:
    """Takes note of nothing."""

    paces: bool = False

    def report(self, happening: Happening) -> None:
        """Forget it."""


NOBODY = Nobody()

__all__ = [
    "NOBODY",
    "AbortConfirmed",
    "AbortTold",
    "Classified",
    "ConnectionRejected",
    "Crashed",
    "EngineRestarted",
    "FrameRefused",
    "GenerationTold",
    "Happening",
    "Nobody",
    "Observer",
    "RouteTold",
    "ServerReady",
    "SessionClosed",
    "SessionOpened",
    "SlotTaken",
    "Speech",
    "TokensWasted",
    "TurnAccepted",
    "TurnOver",
    "TurnStatus",
]
