"""Protocol pings on silent connections: proxies cut those, and a peer that is gone without a word holds a slot."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context

import structlog
import trio
from attrs import define, field

from runtime.websocket.channel import WebSocket

log = structlog.get_logger()
LOOKS = 10
"""Looks at every connection within an interval: a ping is at most a tenth of it late."""
SHORTEST_S, LONGEST_S = 0.02, 1.0
"""Between two looks, which also move a pong on that a full socket did not take."""
AT_ONCE = 256
"""Connections looked at in one turn of the loop; a look takes about half a microsecond."""


@define(eq=False)
class KeepAlive:
    """One task for all connections, because a task costs more memory than the rest of an idle one.

    `interval_s`: silence of ours after which a connection gets a ping; 0: none ever does.
    """

    interval_s: float
    _sockets: dict[WebSocket, Context] = field(factory=dict)

    @contextmanager
    def watching(self, socket: WebSocket) -> Iterator[None]:
        """Keep this connection alive meanwhile. What is logged of it is logged as by the caller's task."""
        self._sockets[socket] = copy_context()
        try:
            yield
        finally:
            self._sockets.pop(socket, None)

    async def run(self) -> None:
        """Look at every connection again and again."""
        pause = self.interval_s / LOOKS or LONGEST_S
        while True:
            await trio.sleep(min(max(pause, SHORTEST_S), LONGEST_S))
            for number, (socket, context) in enumerate(tuple(self._sockets.items()), start=1):
                context.run(self._look_at, socket)
                if number % AT_ONCE == 0:
                    await trio.lowlevel.checkpoint()

    def _look_at(self, socket: WebSocket) -> None:
        try:
            socket.keep_alive(self.interval_s)
        except Exception as error:  # a barrier: a bug about one connection costs that one
            log.error("connection.crashed", exc_info=error)
            socket.wire.abandon()


__all__ = ["KeepAlive"]
