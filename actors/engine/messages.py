"""What turns and the chat engine's actor say to each other; nothing else passes between them but a reply's text.

A turn is known by the channel that its answers go to. It says `Admit`, then `Submit` as often as it needs (a second
time only after an `Abort`), and `Leave` once, whatever became of it. `Admit` is answered with `Accepted` or `Busy`;
`Submit` with `Busy` or, sooner or later, with the one `Ended` of its request. Messages are handled in the order in
which they were sent, so whoever aborts and leaves has made room for whoever asks next.
"""

from attrs import field, frozen
from trio import MemorySendChannel

from actors.generation import Generation
from actors.session.effects import AbortCause
from engines.base import Aborted, Failed, Finished
from engines.errors import EngineOverloaded, EngineUnavailable


@frozen
class Accepted:
    """The turn has a place in the engine until it leaves."""


@frozen
class Busy:
    """The engine does not take the turn, or its request. `retry_in`: whole seconds until another try makes sense."""

    error: EngineUnavailable | EngineOverloaded
    retry_in: int


@frozen
class HandedOver:
    """The request is on its way to the engine's own process, or has been for too long to be waited for."""


@frozen
class Ended:
    """The end of a request; all text of it that its turn will ever get has been handed over."""

    request_id: str
    how: Finished | Aborted | Failed


Answer = Accepted | Busy | HandedOver | Ended
ReplyTo = MemorySendChannel[Answer]


@frozen
class Admit:
    """A turn wants a place, before anything is done for it."""

    turn: ReplyTo


@frozen
class Submit:
    """A turn hands in its request; its text goes to `generation` with each engine step.

    `tells_hand_over`: it waits for `HandedOver`.
    """

    turn: ReplyTo
    generation: Generation = field(repr=False)
    tells_hand_over: bool = False


@frozen
class TryOut:
    """Warm-up's `Submit`: without a place, for an engine that takes no turns yet."""

    turn: ReplyTo
    generation: Generation = field(repr=False)


@frozen
class Abort:
    """Stop a request. `since`: when the cause was read, the clock's seconds."""

    request_id: str
    cause: AbortCause
    since: float


@frozen
class Leave:
    """The turn needs its place no more."""

    turn: ReplyTo


Message = Admit | Submit | TryOut | Abort | Leave

__all__ = [
    "Abort",
    "Accepted",
    "Admit",
    "Answer",
    "Busy",
    "Ended",
    "HandedOver",
    "Leave",
    "Message",
    "ReplyTo",
    "Submit",
    "TryOut",
]
