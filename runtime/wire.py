"""The byte stream under a WebSocket: replays what was read with the request's head, and writes without waiting."""

import os

import trio
from attrs import define, field

from actors.session.errors import ClientTooSlow

PONG_OPCODE = 0xA


@define(eq=False)
class Wire(trio.abc.Stream):
    """A stream shared by the WebSocket library (handshake, pongs, closes) and our writer (text frames).

    `replay`: bytes already read. Writing tries the socket first: most frames then cost no scheduler turn. A pong for
    a client that takes nothing waits for the writer instead of stopping the reader; only the newest is kept, which
    RFC 6455 section 5.5.3 allows. `send_timeout_s`: how long a client may take nothing while something waits. What a
    write that was given up has left goes before the next one, so that a close frame never lands inside another frame.
    """

    stream: trio.abc.Stream
    replay: bytes
    send_timeout_s: float = 20.0
    closed: trio.Event = field(factory=trio.Event)
    _lock: trio.Lock = field(factory=trio.Lock)
    _pong: bytes = b""
    _unsent: bytes = b""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Bytes from the peer; b"" at the end."""
        if self.replay:
            await trio.lowlevel.checkpoint()
            size = max_bytes or len(self.replay)
            data, self.replay = self.replay[:size], self.replay[size:]
            return data
        data = bytes(await self.stream.receive_some(max_bytes))
        if not data:
            self.closed.set()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """The library's own frames."""
        if data and data[0] & 0x0F == PONG_OPCODE and data[0] & 0x80:
            await trio.lowlevel.checkpoint()
            self._pong = bytes(data)
            if not self._lock.locked():
                self._flush_pong()
            return
        async with self._lock:
            await self._write(bytes(data))

    async def write(self, data: bytes) -> None:
        """Our frames, and a pong that waits. Raises `ClientTooSlow`, `trio.BrokenResourceError`."""
        async with self._lock:
            pong, self._pong = self._pong, b""
            await self._write(pong + data)

    async def wait_send_all_might_not_block(self) -> None:
        """Part of the stream interface; the library does not use it."""
        await self.stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the TCP connection."""
        self.closed.set()
        await self.stream.aclose()

    def _flush_pong(self) -> None:
        if self._unsent:
            return
        sent = self._try(self._pong)
        if sent:
            self._unsent, self._pong = self._pong[sent:], b""

    async def _write(self, data: bytes) -> None:
        self._unsent += data
        self._advance()
        while self._unsent:
            with trio.move_on_after(self.send_timeout_s) as patience:
                if not isinstance(self.stream, trio.SocketStream):
                    await self.stream.send_all(self._unsent)
                    self._unsent = b""
                    return
                await trio.lowlevel.wait_writable(self.stream.socket)
            if patience.cancelled_caught:
                raise ClientTooSlow
            self._advance()

    def _advance(self) -> None:
        self._unsent = self._unsent[self._try(self._unsent) :]

    def _try(self, data: bytes) -> int:
        """Bytes that the socket took at once. A memory stream (in tests) takes none this way."""
        if not isinstance(self.stream, trio.SocketStream) or not data:
            return 0
        try:
            return os.write(self.stream.socket.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self.closed.set()
            raise trio.BrokenResourceError from error


__all__ = ["Wire"]
