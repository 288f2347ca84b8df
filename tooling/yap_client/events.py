"""What a server says, as frozen values: one class for each frame, with the fields that it has. No I/O, no clock."""

from collections.abc import Mapping
from typing import Any, Self

from attrs import field, frozen

from .errors import ConnectionLost, ProtocolFault, ServerError

Object = Mapping[str, Any]


@frozen(kw_only=True)
class Usage:
    """Tokens of one turn. `cached_tokens`: of the prompt, found in the prefix cache; None if the engine cannot say."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int | None = None

    @classmethod
    def of(cls, told: object) -> Self | None:
        """As it stands in a frame; None without one."""
        if not isinstance(told, Mapping):
            return None
        counts = {key: _count(told.get(key)) for key in ("prompt_tokens", "completion_tokens", "total_tokens")}
        return cls(cached_tokens=_count(told.get("cached_tokens"), None), **{k: v or 0 for k, v in counts.items()})


@frozen(kw_only=True)
class Timings:
    """Where the server spent its milliseconds; None where a turn had no such part."""

    queue_ms: float | None = None
    route_ms: float | None = None
    ttft_ms: float | None = None
    total_ms: float | None = None

    @classmethod
    def of(cls, told: object) -> Self:
        """As they stand in a frame."""
        found = told if isinstance(told, Mapping) else {}
        return cls(**{key: _number(found.get(key)) for key in ("queue_ms", "route_ms", "ttft_ms", "total_ms")})


@frozen(kw_only=True)
class Event:
    """One thing that happened. `request_id`: of the frame it is about; `at`: when it was read, in monotonic seconds."""

    request_id: str
    at: float


@frozen(kw_only=True)
class Ack(Event):
    """The server took a turn. `details`: all that it says, such as `history` and `now` of a session's first."""

    details: Object = field(repr=False)

    @property
    def played(self) -> str | None:
        """`applied` or `unknown_turn` if what was heard went along, else None."""
        told = self.details.get("played")
        return told if isinstance(told, str) else None


@frozen(kw_only=True)
class Decision(Event):
    """The tool router has decided. `score`: probability of yes; None after a timeout. `raw`: the calls, as sent."""

    yes: bool
    score: float | None
    raw: tuple[Object, ...] = ()


@frozen(kw_only=True)
class Token(Event):
    """More of the reply."""

    text: str = field(repr=False)


@frozen(kw_only=True)
class Final(Event):
    """The reply is complete."""

    text: str = field(repr=False)


@frozen(kw_only=True)
class Done(Event):
    """The turn ended well. `finish_reason`: `stop`, `length` or `tool`."""

    usage: Usage
    finish_reason: str
    timings: Timings


@frozen(kw_only=True)
class Cancelled(Event):
    """A turn was stopped, or a cancel found none (`turn` is None, `reason` `not_running`).

    `reason`: `barge_in`, `server_shutdown`, `client_request` or what the cancel said.
    """

    reason: str
    turn: str | None
    usage: Usage | None
    played: str | None = None


@frozen(kw_only=True)
class Failed(Event):
    """A turn ended with an error, or was refused; without `usage` it never began."""

    error: ServerError
    usage: Usage | None


@frozen(kw_only=True)
class Lost(Event):
    """The connection ended, or broke the protocol, while the turn ran; what became of it at the server is unknown."""

    error: ConnectionLost | ProtocolFault


@frozen(kw_only=True)
class Complaint(Event):
    """An error about some other frame, such as a cancel that came too often. Nothing ends by it."""

    error: ServerError


@frozen(kw_only=True)
class Pong(Event):
    """Answers a JSON ping."""


@frozen(kw_only=True)
class SessionEnd(Event):
    """The server ends the session; `reason`: `client_request`, `server_shutdown`."""

    reason: str


@frozen(kw_only=True)
class Unknown(Event):
    """A frame of a type that this library does not know."""

    type: str


Ending = Done | Cancelled | Failed | Lost
"""What a turn ends with, exactly one of them."""


def error_of(payload: Object) -> ServerError:
    """The error that an error frame tells of."""
    told = payload.get("details")
    details = told if isinstance(told, Mapping) else {}
    code, message = (_text(payload.get(key)) for key in ("code", "message"))
    return ServerError(code or "unknown", _text(details.get("reason_code")) or "unknown", message, details)


def score_of(value: object) -> float | None:
    """A probability, or None."""
    return _number(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object, other: int | None = 0) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else other


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


__all__ = [
    "Ack",
    "Cancelled",
    "Complaint",
    "Decision",
    "Done",
    "Ending",
    "Event",
    "Failed",
    "Final",
    "Lost",
    "Object",
    "Pong",
    "SessionEnd",
    "Timings",
    "Token",
    "Unknown",
    "Usage",
    "error_of",
    "score_of",
]
