"""The WebSocket of a peer that is turned away: it is told why, and nothing it says is parsed.

A close frame that comes first in a segment is noticed, so that a polite client does not wait; nothing else is.
"""

from collections.abc import Sequence

import trio
from attrs import define
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection

from actors.connection import Disconnected
from runtime.websocket.channel import text_frame
from runtime.websocket.wire import Wire

CLOSE_FRAME = 0x88
LISTENS_BYTES = 1 << 16
"""What such a peer may send before the connection is closed under it."""


@define(eq=False)
class Unheard:
    """`actors.connection.Farewell` for a peer without a key, or without a slot."""

    wire: Wire

    async def send(self, frames: Sequence[bytes]) -> None:
        """Write text frames."""
        try:
            self.wire.push(b"".join(map(text_frame, frames)))
            await self.wire.flush()
        except trio.BrokenResourceError:
            raise Disconnected from None

    async def close(self, code: int, reason: str) -> None:
        """Send the close frame, then wait for the end of what the peer sends."""
        frame = Connection(ConnectionType.SERVER).send(CloseConnection(code=code, reason=reason))
        try:
            self.wire.push(bytes(frame))
        except trio.BrokenResourceError:
            raise Disconnected from None
        await self.wire.finish()

    async def wait_closed(self) -> None:
        """Return when the peer has closed or gone, or talks too much."""
        left = LISTENS_BYTES
        while left > 0:
            data = await self.wire.receive()
            if not data or data[0] == CLOSE_FRAME:
                return
            left -= len(data)


__all__ = ["Unheard"]
