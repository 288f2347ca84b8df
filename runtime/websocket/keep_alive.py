"""Protocol pings on silent connections: proxies cut those, and a peer that is gone without a word holds a slot."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio
from attrs import define, field

from runtime.websocket.channel import WebSocket

LOOKS = 10
"""Looks at every connection within an interval: a ping is at most a tenth of it late."""
SHORTEST_S = 0.02
AT_ONCE = 256
"""Connections looked at in one turn of the loop; a look takes about half a microsecond."""


@define(eq=False)
class KeepAlive:
    """One task for all connections, because a task costs more memory than the rest of an idle one.

    `interval_s`: silence of ours after which a connection gets a ping; 0: none ever does.
    """

    interval_s: float
    _sockets: set[WebSocket] = field(factory=set)

    @contextmanager
    def watching(self, socket: WebSocket) -> Iterator[None]:
        """Keep this connection alive meanwhile."""
        self._sockets.add(socket)
        try:
            yield
        finally:
            self._sockets.discard(socket)

    async def run(self) -> None:
        """Look at every connection again and again."""
        if not self.interval_s:
            return
        while True:
            await trio.sleep(max(self.interval_s / LOOKS, SHORTEST_S))
            for number, socket in enumerate(tuple(self._sockets), start=1):
                socket.keep_alive(self.interval_s)
                if number % AT_ONCE == 0:
                    await trio.lowlevel.checkpoint()


__all__ = ["KeepAlive"]
