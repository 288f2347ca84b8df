"""One turn as the core knows it: how far it has come, and what of it nobody has read yet. No I/O, no clock."""

from collections.abc import Callable

from attrs import define, field

from .errors import ProtocolFault, ServerError
from .events import Ack, Decision, Ending, Event, Final, Token
from .heard import Exchange
from .opening import Sampling

MAX_REPLY_CHARS = 1 << 18
"""More than any reply has; a server that says more would fill the memory of whoever does not read."""


@define(eq=False, kw_only=True)
class TurnRecord:
    """A turn. `wake` is called whenever there is news of it. `complaint`: an error about another frame of its id.
    `given_up`: nobody wants it any more, so a busy server does not get it again.

    All that comes is kept here until it is read, and nobody waits for the reader: tokens are the reply itself, which
    is bounded, and of anything else there is one.
    """

    request_id: str
    kind: str
    said: str = field(repr=False)
    sampling: Sampling | None
    sent_at: float
    wake: Callable[[], None] = field(default=lambda: None, repr=False)
    exchange: Exchange = field(init=False, repr=False)
    ack: Ack | None = None
    decision: Decision | None = None
    final: Final | None = None
    ending: Ending | None = None
    complaint: ServerError | None = None
    given_up: bool = False
    tokens: list[Token] = field(factory=list, repr=False)
    _chars: int = 0
    _read: int = 0
    _unread: list[Event] = field(factory=list, repr=False)

    def __attrs_post_init__(self) -> None:
        self.exchange = Exchange(self.said)

    @property
    def text(self) -> str:
        """The reply so far."""
        return "".join(token.text for token in self.tokens)

    @property
    def unread(self) -> bool:
        """Whether there is something to take, or nothing more to come."""
        return bool(self._unread) or self._read < len(self.tokens) or self.ending is not None

    def begins_again(self, request_id: str, now: float) -> None:
        """The same turn under a new id: nothing of it is left."""
        self.request_id, self.sent_at = request_id, now
        self.ack = self.decision = self.final = self.ending = None
        self.tokens.clear()
        self._unread.clear()
        self._chars = self._read = 0
        self.complaint = None
        self.exchange = Exchange(self.said)

    def put(self, event: Event) -> None:
        """There is news, in the order in which it came. Raises `ProtocolFault` for a reply beyond all bounds."""
        if isinstance(event, Token):
            self._chars += len(event.text)
            if self._chars > MAX_REPLY_CHARS:
                raise ProtocolFault(f"a reply has more than {MAX_REPLY_CHARS} characters")
            self.tokens.append(event)
        else:
            self._unread.append(event)

    def take(self) -> Event | None:
        """The next unread event, None if there is none yet: what precedes a reply, the reply, what follows it."""
        if self._unread and isinstance(self._unread[0], Ack | Decision):
            return self._unread.pop(0)
        if self._read < len(self.tokens):
            self._read += 1
            return self.tokens[self._read - 1]
        return self._unread.pop(0) if self._unread else None


__all__ = ["MAX_REPLY_CHARS", "TurnRecord"]
