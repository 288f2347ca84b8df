"""Clients in the middle of their turns, each a task; then something happens, and each has its part in it."""

import math
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus

import trio
from attrs import define, field
from trio_websocket import ConnectionRejected

from tests.e2e.breaking import GREEDY
from tests.e2e.client import Client, connected

COMES_AGAIN_S = 1.0
"""After a 503, which names it as `Retry-After`: more arrive at once than `WS_MAX_PENDING`, and all are honest."""
SEATED_S = 300.0
RESETS = struct.pack("ii", 1, 0)
"""SO_LINGER: closing is a reset."""

Part = Callable[[Client], Awaitable[None]]


@define(eq=False)
class Crowd:
    """`count` clients of one server, which come at once. `speaking`: how many have text of their running turn.

    `came_again`: how often one was told that too many were coming.
    """

    port: int
    count: int
    part: Part
    speaking: int = 0
    done: int = 0
    came_again: int = 0
    errors: list[str] = field(factory=list)
    happened: trio.Event = field(factory=trio.Event)
    _seated: trio.Event = field(factory=trio.Event)
    _over: trio.Event = field(factory=trio.Event)

    async def all_seated(self) -> None:
        """Return when each has text of a running turn."""
        with trio.fail_after(SEATED_S):
            await self._seated.wait()

    async def all_done(self, within_s: float = math.inf) -> None:
        """It has happened: return when each has done its part. Raises `AssertionError` with what one of them saw."""
        self.happened.set()
        with trio.fail_after(within_s):
            await self._over.wait()
        assert not self.errors, f"{len(self.errors)} of {self.count}: {self.errors[0]}"

    async def take_part(self, number: int) -> None:
        """One client, from its handshake on."""
        async with AsyncExitStack() as stack:
            client = await self._come(stack, number)
            await client.start("r-1", "tell me a story", sampling=GREEDY)
            while (await client.frame(SEATED_S))["type"] != "token":
                continue
            self.speaking += 1
            if self.speaking == self.count:
                self._seated.set()
            await self.happened.wait()
            try:
                await self.part(client)
            except (Exception, ExceptionGroup) as error:
                self.errors.append(f"{type(error).__name__}: {error}")
            self.done += 1
            if self.done == self.count:
                self._over.set()

    async def _come(self, stack: AsyncExitStack, number: int) -> Client:
        while True:
            try:
                return await stack.enter_async_context(connected(self.port, session_id=f"c-{number}"))
            except ConnectionRejected as rejected:
                if rejected.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
                self.came_again += 1
                await trio.sleep(COMES_AGAIN_S)


@asynccontextmanager
async def seated(port: int, count: int, part: Part) -> AsyncIterator[Crowd]:
    """So many clients, each of which has text of a running turn, and will play its part when it happens."""
    crowd = Crowd(port, count, part)
    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(crowd.take_part, number)
        await crowd.all_seated()
        yield crowd
        crowd.happened.set()


async def vanish(client: Client) -> None:
    """Gone without a word: half of them by a reset, as of a process that was killed, the others by a plain end."""
    stream = client.socket._stream
    if int(client.session_id.partition("-")[2]) % 2:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
    await trio.aclose_forcefully(stream)


__all__ = ["Crowd", "seated", "vanish"]
