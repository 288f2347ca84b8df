"""An actor's inbox: a bounded queue whose owner can also be made to handle its messages at once."""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import trio
from attrs import define, field

T = TypeVar("T")


@define
class Inbox(Generic[T]):
    """Messages to one actor, handled strictly in the order in which they were put.

    `put` leaves a message for the actor's own task. `deliver` handles everything that waits and then the message,
    now, in the caller's task: a channel hop costs a scheduler turn, and a cancel has to reach the engine in the
    turn in which it was read. Handling never awaits and never re-enters, so both ways look the same to the actor.

    It is no memory channel, because that hands a message to the waiting receiver before the receiver runs: whatever
    is delivered in between would overtake it.
    """

    capacity: int
    handle: Callable[[T], None]
    _waiting: deque[T] = field(factory=deque, init=False)
    _bell: trio.Event = field(factory=trio.Event, init=False)
    _handling: bool = field(default=False, init=False)
    closed: bool = field(default=False, init=False)
    _failure: Exception | None = field(default=None, init=False)

    def put(self, message: T) -> None:
        """Leave a message; ignored once the inbox is closed. Raises `trio.WouldBlock` past the capacity."""
        if self.closed:
            return
        if len(self._waiting) >= self.capacity:
            raise trio.WouldBlock
        self._waiting.append(message)
        self._bell.set()

    def deliver(self, message: T) -> None:
        """Handle what waits, then this message, before returning."""
        assert not self._handling, "deliver() from inside a handler would reorder messages: use put()"
        if self.closed:
            return
        self._drain()
        if not self.closed:
            self._handle(message)

    async def run(self) -> None:
        """Handle messages until the inbox is closed. Raises what `fail` was given."""
        while not self.closed:
            await self._bell.wait()
            self._bell = trio.Event()
            self._drain()
        if self._failure is not None:
            raise self._failure

    @property
    def is_free(self) -> bool:
        """Whether a message would be handled next: none waits, and none is being handled."""
        return not self._waiting and not self._handling and not self.closed

    def fail(self, error: Exception) -> None:
        """What went wrong on the owner's behalf, in somebody else's task, is raised in its own."""
        self._failure = self._failure or error
        self.close()

    def close(self) -> None:
        """Accept nothing more; `run` returns."""
        self.closed = True
        self._bell.set()

    def _drain(self) -> None:
        while self._waiting and not self.closed:
            self._handle(self._waiting.popleft())

    def _handle(self, message: T) -> None:
        self._handling = True
        try:
            self.handle(message)
        finally:
            self._handling = False


__all__ = ["Inbox"]
