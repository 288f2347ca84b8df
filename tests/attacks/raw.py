"""A client that says what no library would: raw bytes over a real socket. What the server sends is read strictly."""

import json
import socket
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import trio
from attrs import define, field, frozen

from tooling.benchmarks.bystander.frames import CLOSE, PING, PONG, TEXT, frame, received, upgrade

Pairs = Sequence[tuple[str, str]]
PATIENCE_S = 8.0
DEFLATE: Pairs = (("Sec-WebSocket-Extensions", "permessage-deflate"),)
END = b"\r\n\r\n"


def masked(first: int, payload: bytes, *, length: bytes | None = None) -> bytes:
    """A client frame with any first byte, and any length bytes, however wrong (the mask bit is in them)."""
    size = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    key = b"\x11\x22\x33\x44"
    body = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    return bytes((first,)) + (length or size) + key + body


def closing(code: int, reason: bytes = b"") -> bytes:
    """A client's close frame."""
    return frame(code.to_bytes(2, "big") + reason, CLOSE)


class Inflater(Protocol):
    """What `zlib.decompressobj` returns."""

    def decompress(self, data: bytes) -> bytes:
        """The bytes so far."""


@frozen
class Ended:
    """How a connection ended: protocol frames that came, the close frame's code and reason, pings the server sent.

    `code` is None without a close frame. `after`: bytes that came behind the close frame.
    """

    frames: tuple[dict[str, Any], ...]
    code: int | None
    reason: str
    after: bytes = b""

    @property
    def types(self) -> list[str]:
        """The types of the frames."""
        return [each["type"] for each in self.frames]

    @property
    def reason_codes(self) -> list[str]:
        """The reason codes of the errors among them."""
        return [each["payload"]["details"]["reason_code"] for each in self.frames if each["type"] == "error"]


@define(eq=False)
class Raw:
    """A connection. Reading waits `PATIENCE_S` at most. `inflater`: where compression was agreed on."""

    stream: trio.SocketStream
    buffer: bytearray = field(factory=bytearray)
    waiting: list[tuple[int, bytes]] = field(factory=list)
    inflater: Inflater | None = None

    async def send(self, data: bytes) -> None:
        """Write bytes; a server that has ended the connection is no failure: what it said is still to be read."""
        with trio.move_on_after(PATIENCE_S):
            try:
                await self.stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return

    async def through(self, end: bytes = END) -> bytes:
        """Bytes up to and with `end`, or to the end of the connection."""
        with trio.fail_after(PATIENCE_S):
            while end not in self.buffer and await self._more():
                pass
        at = self.buffer.find(end)
        size = at + len(end) if at >= 0 else len(self.buffer)
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    async def everything(self, within_s: float = PATIENCE_S) -> bytes:
        """Bytes to the end of the connection."""
        with trio.fail_after(within_s):
            while await self._more():
                pass
        return bytes(self.buffer)

    async def frame(self, within_s: float = PATIENCE_S) -> tuple[int, bytes]:
        """The next WebSocket frame: opcode and payload. (0, b"") at the end of the connection."""
        with trio.fail_after(within_s):
            while not self._take():
                if not await self._more():
                    return 0, b""
        return self.waiting.pop(0)

    async def answer(self) -> dict[str, Any]:
        """The next protocol frame."""
        while True:
            opcode, payload = await self.frame()
            assert opcode in (TEXT, PING, PONG), f"instead of a frame came {opcode}: {payload!r}"
            if opcode == TEXT:
                return dict(json.loads(payload))

    async def ended(self, within_s: float = PATIENCE_S, *, answers: bool = False) -> Ended:
        """Read to the end of the connection. `answers`: as good clients do, close when told that there is no way in,
        and answer the server's close frame.
        """
        frames: list[dict[str, Any]] = []
        code, reason, after = None, "", b""
        with trio.fail_after(within_s):
            while True:
                opcode, payload = await self.frame(within_s)
                if opcode == 0:
                    return Ended(tuple(frames), code, reason, after + bytes(self.buffer))
                if code is not None:
                    after += payload or bytes((opcode,))
                elif opcode == CLOSE:
                    code, reason = int.from_bytes(payload[:2], "big"), payload[2:].decode()
                    if answers:
                        await self.send(closing(code))
                elif opcode == TEXT:
                    frames.append(json.loads(payload))
                    if answers and frames[-1]["payload"].get("code") in ("authentication_failed", "server_at_capacity"):
                        await self.send(closing(1000))

    def _take(self) -> bool:
        while len(self.buffer) >= 2:
            first, size = self.buffer[0], self.buffer[1] & 0x7F
            compressed = first & 0x40 != 0 and self.inflater is not None and first & 0x08 == 0
            assert first & 0xB0 == 0x80, f"a server frame that begins with {first:#x}"
            assert compressed or not first & 0x40, "compressed, but that was not agreed on"
            assert not self.buffer[1] & 0x80, "a server masks nothing"
            assert size <= 125 or not first & 0x08, "a control frame too long"
            frames = list(received(self.buffer, 1))
            if not frames:
                break
            opcode, payload = frames[0]
            if compressed and self.inflater is not None:
                payload = self.inflater.decompress(payload + b"\x00\x00\xff\xff")
            self.waiting.append((opcode, payload))
        return bool(self.waiting)

    async def _more(self) -> bool:
        try:
            data = await self.stream.receive_some(65536)
        except trio.BrokenResourceError:
            return False
        self.buffer += data
        return bool(data)


@asynccontextmanager
async def dialled(port: int, *, source: str = "127.0.0.1", receive_buffer: int | None = None) -> AsyncIterator[Raw]:
    """A TCP connection. `source`: the loopback address it comes from. `receive_buffer`: the kernel's, in bytes."""
    connection = trio.socket.socket()
    try:
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await connection.bind((source, 0))
        await connection.connect(("127.0.0.1", port))
    except BaseException:
        connection.close()
        raise
    stream = trio.SocketStream(connection)
    try:
        yield Raw(stream)
    finally:
        await trio.aclose_forcefully(stream)


@asynccontextmanager
async def upgraded(
    port: int, key: str | None, extra: Pairs = (), *, early: bytes = b"", source: str = "127.0.0.1"
) -> AsyncIterator[Raw]:
    """The same behind a finished handshake. `early`: bytes sent in one go with the request's head."""
    async with dialled(port, source=source) as raw:
        await raw.send(upgrade(key, extra) + early)
        head = await raw.through()
        assert head.startswith(b"HTTP/1.1 101 "), head[:200]
        if b"permessage-deflate" in head:
            raw.inflater = zlib.decompressobj(-15)
        yield raw


__all__ = ["DEFLATE", "PATIENCE_S", "Ended", "Pairs", "Raw", "closing", "dialled", "masked", "upgraded"]
