"""The server's end of a WebSocket, down to the byte, so that it can do what no library would."""

import json
from collections.abc import AsyncIterator
from typing import Any

import trio
from attrs import define, field
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, Request, TextMessage
from wsproto.utilities import LocalProtocolError

Frame = dict[str, Any]
BLOCK_BYTES = 65536


class Gone(Exception):
    """The client has left, or we have."""


@define(eq=False)
class Wire:
    """One connection. `pongs`: whether it answers protocol pings. `drips`: sends one byte at a time."""

    stream: trio.SocketStream
    pongs: bool = True
    drips: bool = False
    pings: int = 0
    _wire: WSConnection = field(init=False, factory=lambda: WSConnection(ConnectionType.SERVER))
    _sending: trio.Lock = field(init=False, factory=trio.Lock)
    _text: str = field(init=False, default="")

    async def accept(self) -> None:
        """Read the request and say yes to it."""
        while not any(isinstance(event, Request) for event in await self._read()):
            pass
        await self._send(AcceptConnection(extra_headers=[(b"X-Model", b"any")]))

    async def frames(self) -> AsyncIterator[Frame]:
        """What the client sends, until it leaves."""
        while True:
            for event in await self._read():
                if isinstance(event, TextMessage):
                    self._text += event.data
                    if event.message_finished:
                        whole, self._text = self._text, ""
                        yield json.loads(whole)
                elif isinstance(event, Ping):
                    self.pings += 1
                    if self.pongs:
                        await self._send(event.response())
                elif isinstance(event, CloseConnection):
                    if self._wire.state is ConnectionState.REMOTE_CLOSING:
                        await self._send(event.response())
                    raise Gone

    async def message(self, data: str | bytes) -> None:
        """One whole message."""
        await self._send(TextMessage(data) if isinstance(data, str) else BytesMessage(data))

    async def line(self, data: bytes) -> None:
        """Bytes as they are, no frame around them."""
        async with self._sending:
            await self._write(data)

    async def close(self, code: int, reason: str) -> None:
        """Our half of the close handshake."""
        await self._send(CloseConnection(code, reason or None))

    async def cut(self) -> None:
        """End the TCP connection, no close frame before it."""
        await self.stream.aclose()
        raise Gone

    async def _send(self, event: Event) -> None:
        async with self._sending:
            try:
                data = self._wire.send(event)
            except LocalProtocolError:  # one of us has begun to close
                raise Gone from None
            await self._write(data)

    async def _write(self, data: bytes) -> None:
        blocks = [data[at : at + 1] for at in range(len(data))] if self.drips else [data]
        try:
            with trio.CancelScope(shield=True):  # half a frame would break more than is meant to be broken
                for block in blocks:
                    await self.stream.send_all(block)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Gone from None

    async def _read(self) -> list[Event]:
        try:
            data = await self.stream.receive_some(BLOCK_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Gone from None
        if not data:
            raise Gone
        self._wire.receive_data(data)
        return list(self._wire.events())


__all__ = ["Frame", "Gone", "Wire"]
