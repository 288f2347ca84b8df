"""An actor's inbox: a memory channel whose owner can also be made to handle its messages at once."""

from collections.abc import Callable
from typing import Generic, TypeVar

import trio
from attrs import define, field

T = TypeVar("T")


@define
class Mailbox(Generic[T]):
    """Messages to one actor, handled strictly in the order in which they were put.

    `put` leaves a message for the actor's own task. `deliver` handles everything that waits and then the message,
    now, in the caller's task: a channel hop costs a scheduler turn, and a cancel has to reach the engine in the
    turn in which it was read. Handling never awaits and never re-enters, so both ways look the same to the actor.
    """

    capacity: int
    handle: Callable[[T], None]
    _send: trio.MemorySendChannel[T] = field(init=False)
    _receive: trio.MemoryReceiveChannel[T] = field(init=False)
    _handling: bool = field(default=False, init=False)
    closed: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[T](self.capacity)

    def put(self, message: T) -> None:
        """Leave a message; ignored once the mailbox is closed. Raises `trio.WouldBlock` past the capacity."""
        if not self.closed:
            self._send.send_nowait(message)

    def deliver(self, message: T) -> None:
        """Handle what waits, then this message, before returning."""
        assert not self._handling, "deliver() from inside a handler would reorder messages: use put()"
        if self.closed:
            return
        self._drain()
        if not self.closed:
            self._handle(message)

    async def run(self) -> None:
        """Handle messages until the mailbox is closed."""
        while not self.closed:
            try:
                message = await self._receive.receive()
            except (trio.EndOfChannel, trio.ClosedResourceError):
                return
            if not self.closed:
                self._handle(message)
                self._drain()

    def close(self) -> None:
        """Accept nothing more; `run` returns."""
        self.closed = True
        self._send.close()

    def _drain(self) -> None:
        while not self.closed:
            try:
                message = self._receive.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                return
            self._handle(message)

    def _handle(self, message: T) -> None:
        self._handling = True
        try:
            self.handle(message)
        finally:
            self._handling = False


__all__ = ["Mailbox"]
