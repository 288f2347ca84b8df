"""The load generator's two ways to a server, by hand on plain sockets: a WebSocket, and server-sent events over HTTP.

A client library takes more CPU a token than the front ends that are measured, on the same machine.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, field

from tooling.benchmarks.bystander.frames import TEXT, frame, received, upgrade

HOST = "127.0.0.1"
READ_BYTES = 65536
HEAD_END = b"\r\n\r\n"
EVENT = b"data: "
DONE = b"data: [DONE]"


class Broken(Exception):
    """The server refused, or ended the connection early."""


@define(eq=False)
class Stream:
    """A TCP connection and what was read of it."""

    stream: trio.SocketStream
    buffer: bytearray = field(factory=bytearray)

    async def more(self) -> None:
        """Read some. Raises `Broken` at the end."""
        try:
            data = await self.stream.receive_some(READ_BYTES)
        except trio.BrokenResourceError as error:
            raise Broken("the connection broke") from error
        if not data:
            raise Broken("the server ended the connection")
        self.buffer += data

    async def head(self, status: int) -> None:
        """The head of an answer. Raises `Broken` if it has another status."""
        while HEAD_END not in self.buffer:
            await self.more()
        head, _, rest = bytes(self.buffer).partition(HEAD_END)
        if not head.startswith(f"HTTP/1.1 {status} ".encode()):
            raise Broken(f"refused: {head[:80]!r} {rest[:200]!r}")
        self.buffer = bytearray(rest)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Stream]:
    """Connect. Raises `Broken`."""
    try:
        stream = await trio.open_tcp_stream(HOST, port)
    except OSError as error:
        raise Broken(str(error)) from error
    try:
        yield Stream(stream)
    finally:
        await trio.aclose_forcefully(stream)


@define(eq=False)
class Socket:
    """A WebSocket of JSON messages."""

    wire: Stream
    _waiting: list[Mapping[str, Any]] = field(factory=list)

    async def send(self, message: Mapping[str, object]) -> None:
        """Send one."""
        await self.wire.stream.send_all(frame(json.dumps(message).encode()))

    async def receive(self) -> Mapping[str, Any]:
        """The next one. Raises `Broken`."""
        while not self._waiting:
            told = [payload for opcode, payload in received(self.wire.buffer) if opcode == TEXT]
            self._waiting = [json.loads(payload) for payload in reversed(told)]
            if not told:
                await self.wire.more()
        return self._waiting.pop()


@asynccontextmanager
async def websocket(port: int, key: str) -> AsyncIterator[Socket]:
    """Connect and shake hands. Raises `Broken`."""
    async with connected(port) as wire:
        await wire.stream.send_all(upgrade(key))
        await wire.head(101)
        yield Socket(wire)


async def events(wire: Stream, path: str, body: Mapping[str, object]) -> AsyncIterator[Mapping[str, Any]]:
    """Post and yield the events of the answer. Raises `Broken`.

    The sizes of chunks stand on lines of their own between the events, and are passed over like the empty lines.
    """
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    await wire.stream.send_all(head.encode() + data)
    await wire.head(200)
    ended = False
    while not (ended and wire.buffer.endswith(b"0\r\n\r\n")):
        end = wire.buffer.find(b"\n")
        if ended or end < 0:
            await wire.more()
            continue
        line = bytes(wire.buffer[:end])
        del wire.buffer[: end + 1]
        if line.startswith(DONE):
            ended = True
        elif line.startswith(EVENT):
            yield json.loads(line[len(EVENT) :])
    wire.buffer.clear()


__all__ = ["Broken", "Socket", "Stream", "connected", "events", "websocket"]
