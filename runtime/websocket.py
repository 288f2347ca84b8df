"""A WebSocket connection as the actors see it: messages in, batches of text frames out, one bounded close."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
from attrs import define
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream
from wsproto.events import AcceptConnection
from wsproto.extensions import PerMessageDeflate

from actors.connection import Disconnected
from runtime.wire import Wire

HANDSHAKE_TIMEOUT_S = 10.0
MESSAGE_QUEUE = 64
"""Messages the library may hold for us: while there is room it goes on reading, and pings are answered."""
RECEIVE_BYTES = 65536
FIN_TEXT = 0x81
CLOSE_TOO_BIG = 1009


@define(eq=False)
class WebSocket:
    """`actors.connection.Socket` over trio-websocket, which keeps the handshake, pings, pongs and closes."""

    connection: WebSocketConnection
    wire: Wire
    max_frame_bytes: int
    compresses: bool = False

    async def receive(self) -> str | bytes:
        """The next message. One that is too big closes the connection with 1009."""
        try:
            message: str | bytes = await self.connection.get_message()
            # The library counts characters.
            if isinstance(message, str) and len(message) * 4 > self.max_frame_bytes:
                size = len(message.encode())
                if size > self.max_frame_bytes:
                    reason = f"message of {size} bytes, at most {self.max_frame_bytes}"
                    await self.connection.aclose(CLOSE_TOO_BIG, reason)
                    raise Disconnected
        except ConnectionClosed:
            raise Disconnected from None
        return message

    async def send(self, frames: Sequence[str]) -> None:
        """Write frames in one go."""
        try:
            if self.compresses:
                for frame in frames:
                    await self.connection.send_message(frame)
                return
            if self.connection.closed is not None:
                raise Disconnected
            await self.wire.write(b"".join(map(text_frame, frames)))
        except (ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError):
            raise Disconnected from None

    async def close(self, code: int, reason: str) -> None:
        """The closing handshake, then the end of the TCP connection."""
        await self.connection.aclose(code, reason)

    async def wait_closed(self) -> None:
        """Return when the peer has closed or gone."""
        await self.wire.closed.wait()


def text_frame(text: str) -> bytes:
    """One unmasked, unfragmented text frame (RFC 6455, section 5.2)."""
    data = text.encode()
    size = len(data)
    if size < 126:
        head = bytes((FIN_TEXT, size))
    elif size < 65536:
        head = bytes((FIN_TEXT, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((FIN_TEXT, 127)) + size.to_bytes(8, "big")
    return head + data


@asynccontextmanager
async def accept(wire: Wire, max_frame_bytes: int, *, compresses: bool) -> AsyncIterator[WebSocket | None]:
    """Do the opening handshake; the socket lives as long as the context. None if the handshake came to nothing."""
    async with trio.open_nursery() as nursery:
        connection = None
        with trio.move_on_after(HANDSHAKE_TIMEOUT_S):
            connection = await _shake_hands(nursery, wire, max_frame_bytes, compresses=compresses)
        try:
            yield WebSocket(connection, wire, max_frame_bytes, compresses) if connection else None
        finally:
            nursery.cancel_scope.cancel("the connection is over")


async def _shake_hands(
    nursery: trio.Nursery, wire: Wire, max_frame_bytes: int, *, compresses: bool
) -> WebSocketConnection:
    request = await wrap_server_stream(
        nursery,
        wire,
        max_message_size=max_frame_bytes,
        message_queue_size=MESSAGE_QUEUE,
        receive_buffer_size=RECEIVE_BYTES,
    )
    if not compresses:
        return await request.accept()
    # The library cannot offer extensions; this is its own accept() with one added.
    connection = request._connection
    connection._path = request.path
    await connection._send(AcceptConnection(extensions=[PerMessageDeflate()]))
    connection._open_handshake.set()
    return connection


__all__ = ["WebSocket", "accept", "text_frame"]
