"""Frames as a client writes them, and sockets to send them through: for tests that need every byte in hand."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import define, field
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from runtime.websocket import WebSocket, Wire
from runtime.websocket.deflate import BoundedDeflate

MASK = b"\x01\x02\x03\x04"
TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """One client frame, right or wrong."""
    size = len(payload)
    bit = 0x80 if masked else 0
    if size < 126:
        length = bytes((bit | size,))
    elif size < 65536:
        length = bytes((bit | 126,)) + struct.pack("!H", size)
    else:
        length = bytes((bit | 127,)) + struct.pack("!Q", size)
    body = bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload)) if masked else payload
    return bytes(((0x80 if fin else 0) | (rsv << 4) | opcode,)) + length + (MASK if masked else b"") + body


@define(eq=False)
class Peer:
    """The client's end of a `WebSocket` under test."""

    stream: trio.SocketStream
    events: list[Event] = field(factory=list)
    _parser: Connection = field(factory=lambda: Connection(ConnectionType.CLIENT))

    async def send(self, *frames: bytes) -> None:
        """Write frames in one go."""
        await self.stream.send_all(b"".join(frames))

    async def event(self) -> Event:
        """The next thing the server said."""
        with trio.fail_after(5):
            while not self.events:
                data = bytes(await self.stream.receive_some(65536))
                assert data, "the server ended the connection"
                self._parser.receive_data(data)
                self.events.extend(self._parser.events())
        return self.events.pop(0)

    async def close_code(self) -> int:
        """The code of the server's close frame, which is the next thing it says."""
        event = await self.event()
        assert isinstance(event, CloseConnection), event
        return int(event.code)

    async def sees_the_end_of(self, socket: WebSocket) -> None:
        """Nothing more is said, the connection ends, and the peer ends its side."""
        assert not self.events, self.events
        async with trio.open_nursery() as nursery:
            nursery.start_soon(socket.wire.finish)
            with trio.fail_after(5):
                assert await self.stream.receive_some(100) == b""
            await self.stream.aclose()


@asynccontextmanager
async def sockets(
    max_bytes: int = 1 << 20, deflate: BoundedDeflate | None = None
) -> AsyncIterator[tuple[WebSocket, Peer]]:
    """A `WebSocket` whose handshake is done, and its peer."""
    ours, theirs = trio.socket.socketpair()
    async with trio.SocketStream(ours) as stream, trio.SocketStream(theirs) as other:
        yield WebSocket(Wire(stream), max_bytes, deflate), Peer(other)


__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "BytesMessage",
    "CloseConnection",
    "Peer",
    "Ping",
    "Pong",
    "TextMessage",
    "frame",
    "sockets",
]
