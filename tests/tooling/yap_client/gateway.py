"""What stands between a client and its server: it refuses, redirects, falls silent, dribbles and cuts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
from attrs import define, field, frozen


@frozen(kw_only=True)
class Manner:
    """How one connection is treated.

    `answer`: raw bytes instead of a server. `silent`: nothing at all. `piece`: bytes passed on at a time, either way.
    `cut`: bytes of the server's that come through before the connection is cut; None: all.
    """

    answer: bytes = b""
    silent: bool = False
    piece: int = 65536
    cut: int | None = None


GOOD = Manner()
SILENT = Manner(silent=True)
DRIBBLING = Manner(piece=1)


def http(status: str, *headers: str) -> Manner:
    """Answers the handshake with this status."""
    return Manner(answer="\r\n".join([f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "", ""]).encode())


@define
class Gateway:
    """Treats connections in turn as told, any beyond them like the last one. `came`: how many there were.

    `stuck`: from now on nothing is taken any more.
    """

    target: int
    manners: Sequence[Manner]
    port: int = 0
    came: int = 0
    open: int = 0
    passed: int = 0
    stuck: bool = False
    url: str = field(init=False, default="")

    async def treat(self, client: trio.SocketStream) -> None:
        """One connection."""
        manner = self.manners[min(self.came, len(self.manners) - 1)]
        self.came += 1
        self.open += 1
        try:
            async with client:
                await self._as(manner, client)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self.open -= 1

    async def _as(self, manner: Manner, client: trio.SocketStream) -> None:
        if manner.silent or manner.answer:
            await client.receive_some()
            if manner.answer:
                await client.send_all(manner.answer)
                return
            await client.receive_some()  # until it goes away
            return
        server = await trio.open_tcp_stream("127.0.0.1", self.target)
        async with server, trio.open_nursery() as nursery:
            nursery.start_soon(self._pass, client, server, manner.piece, None, nursery.cancel_scope)
            nursery.start_soon(self._pass, server, client, manner.piece, manner.cut, nursery.cancel_scope)

    async def _pass(
        self,
        source: trio.SocketStream,
        sink: trio.SocketStream,
        piece: int,
        cut: int | None,
        scope: trio.CancelScope,
    ) -> None:
        left = cut
        try:
            while data := await source.receive_some(4096):
                if self.stuck:
                    await trio.sleep_forever()
                for start in range(0, len(data), piece):
                    part = data[start : start + piece]
                    part = part if left is None else part[:left]
                    await sink.send_all(part)
                    self.passed += len(part)
                    if left is not None:
                        left -= len(part)
                        if left <= 0:
                            return
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            scope.cancel()


@asynccontextmanager
async def gateway(target: int, *manners: Manner) -> AsyncIterator[Gateway]:
    """Stand before the server at that port of this machine."""
    made = Gateway(target, manners or (GOOD,))
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        made.port = listeners[0].socket.getsockname()[1]
        made.url = f"ws://127.0.0.1:{made.port}/ws"
        nursery.start_soon(trio.serve_listeners, made.treat, listeners)
        yield made
        nursery.cancel_scope.cancel()


__all__ = ["DRIBBLING", "GOOD", "SILENT", "Gateway", "Manner", "gateway", "http"]
