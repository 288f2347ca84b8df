"""What every way to a server offers a caller, and the reply that comes over it."""

from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import trio
from attrs import define, field

from tooling.clients.capacity.voice import Voice


@define(eq=False)
class Reply:
    """One reply as it comes. `sent_at`: seconds, just before the turn was written.

    `begun` is set once the voice can speak its first sentence, `over` once nothing more comes; `error` says why it
    ended badly, if it did.
    """

    sent_at: float
    voice: Voice = field(factory=Voice)
    begun: trio.Event = field(factory=trio.Event)
    over: trio.Event = field(factory=trio.Event)
    error: str | None = None

    def hear(self, text: str, now: float) -> None:
        """Text has come."""
        self.voice.arrivals.append((text, now))
        if not self.begun.is_set() and self.voice.playback().sentence_at is not None:
            self.begun.set()

    def close(self, now: float, error: str | None = None) -> None:
        """Nothing more comes. Only the first time counts."""
        if self.over.is_set():
            return
        self.voice.closed_at, self.error = now, error
        self.over.set()
        self.begun.set()

    @property
    def ttft_ms(self) -> float | None:
        """Milliseconds to the first text; None if none came."""
        return (self.voice.arrivals[0][1] - self.sent_at) * 1000 if self.voice.arrivals else None


class Line(Protocol):
    """A call that is held. A line that breaks closes its running reply with an error; later turns fail at once."""

    def say(self, text: str, heard: int | None) -> Awaitable[Reply]:
        """Send a turn; a reply that still runs is cut off. `heard`: characters of the last reply that were spoken."""
        ...

    def stop(self, heard: int) -> Awaitable[None]:
        """Cut the running reply off, and say how much of the last one was heard."""
        ...


class Door(Protocol):
    """A server."""

    @property
    def url(self) -> str:
        """Where it is; may be shown."""
        ...

    def call(self) -> AbstractAsyncContextManager[Line]:
        """Dial. Raises `ClientError`."""
        ...


__all__ = ["Door", "Line", "Reply"]
