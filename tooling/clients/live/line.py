"""One connection from dialling to goodbye, in a task of its own, told as events."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import trio
from attrs import define, field, frozen

from tooling.clients.failures import ClientError
from tooling.clients.live.screens.keyboard import Key
from tooling.clients.session.connection import Connection
from tooling.yap_client.wire import Incoming


@frozen
class Opened:
    """The line has its connection."""

    line: "Line"
    connection: Connection


@frozen
class Arrived:
    """A frame came on the line."""

    line: "Line"
    frame: Incoming


@frozen
class Lost:
    """The line brings nothing more, or never did; `error` says why."""

    line: "Line"
    error: ClientError


Event = str | Key | Opened | Arrived | Lost
Tell = Callable[[Event], None]
Dial = Callable[[], AbstractAsyncContextManager[Connection]]


@define(eq=False)
class Line:
    """Run it once. What it tells after `release` or `give_up` is of no interest any more."""

    _whole: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    _reading: trio.CancelScope = field(factory=trio.CancelScope, init=False)

    async def run(self, dial: Dial, tell: Tell, pause_s: float = 0.0) -> None:
        """Connect after a pause, then tell every frame until there are no more, or the line is released."""
        with self._whole:
            await trio.sleep(pause_s)
            try:
                async with dial() as connection:
                    with self._reading:
                        tell(Opened(self, connection))
                        await self._read(connection, tell)
            except ClientError as error:  # no connection came about
                tell(Lost(self, error))

    def release(self) -> None:
        """Nobody wants it any more: it says goodbye to the server, and nobody has to wait for that."""
        self._reading.cancel()

    def give_up(self) -> None:
        """Let go of it at once, whatever it is doing."""
        self._whole.cancel()

    async def _read(self, connection: Connection, tell: Tell) -> None:
        while True:
            try:
                frame = await connection.receive("frame", float("inf"))
            except ClientError as error:
                tell(Lost(self, error))
                return
            tell(Arrived(self, frame))


__all__ = ["Arrived", "Dial", "Event", "Line", "Lost", "Opened", "Tell"]
