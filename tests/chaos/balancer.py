"""A tiny TCP balancer: new connections go to the servers that say they are ready, in turn; running ones stay."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import define, field

from tests.e2e.plain import fetch

LOOKS_EVERY_S = 0.25
PIECE = 65536


@define(eq=False)
class Balancer:
    """`targets`: ports, ready or not. As a Service of Kubernetes does, it hears of readiness a moment late."""

    targets: list[int]
    port: int = 0
    ready: list[int] = field(factory=list)
    turned_away: int = 0
    _turn: int = 0

    async def look(self) -> None:
        """Ask everybody again and again."""
        while True:
            self.ready = [port for port in self.targets if await _is_ready(port)]
            await trio.sleep(LOOKS_EVERY_S)

    async def carry(self, client: trio.SocketStream) -> None:
        """One connection, for as long as both of its ends want."""
        self._turn += 1
        async with client:
            for step in range(len(self.ready)):
                port = self.ready[(self._turn + step) % len(self.ready)]
                try:
                    server = await trio.open_tcp_stream("127.0.0.1", port)
                except OSError:
                    continue  # it went between two looks
                async with server, trio.open_nursery() as nursery:
                    nursery.start_soon(_pass, client, server, nursery.cancel_scope)
                    nursery.start_soon(_pass, server, client, nursery.cancel_scope)
                return
            self.turned_away += 1


async def _is_ready(port: int) -> bool:
    with trio.move_on_after(2):
        try:
            return (await fetch(port, "/readyz")).status == 200
        except (OSError, ValueError, IndexError):
            return False
    return False


async def _pass(source: trio.SocketStream, sink: trio.SocketStream, scope: trio.CancelScope) -> None:
    try:
        while data := await source.receive_some(PIECE):
            await sink.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    scope.cancel()


@asynccontextmanager
async def balancer(*targets: int) -> AsyncIterator[Balancer]:
    """Stand before servers at these ports of this machine."""
    made = Balancer(list(targets))
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        made.port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(made.look)
        nursery.start_soon(trio.serve_listeners, made.carry, listeners)
        yield made
        nursery.cancel_scope.cancel()


__all__ = ["Balancer", "balancer"]
