"""An attacker's connection: raw bytes out, whatever comes back thrown away, and a tally of what was done."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
from attrs import define, frozen

from tooling.benchmarks.bystander.frames import upgrade

SOURCE = "127.0.0.2"
"""Attackers come from an address of their own, so that what is held against them is not held against the bystander."""


@define
class Tally:
    """What an attack did: how often it connected, how often the server ended a connection, bytes that went out."""

    connections: int = 0
    ended: int = 0
    sent: int = 0


@frozen
class Target:
    """The server under attack. `key`: None for a stranger."""

    port: int
    key: str | None
    tally: Tally


@define(eq=False)
class Peer:
    """An open connection. Sending raises `trio.BrokenResourceError` when the server has ended it."""

    stream: trio.SocketStream
    tally: Tally

    async def send(self, data: bytes) -> None:
        """Write bytes."""
        await self.stream.send_all(data)
        self.tally.sent += len(data)

    async def ended(self) -> None:
        """Read and throw away until the server ends the connection."""
        try:
            while await self.stream.receive_some(65536):
                pass
        except trio.BrokenResourceError:
            pass
        self.tally.ended += 1

    async def until(self, wanted: bytes) -> None:
        """Read until these bytes came. Raises `trio.BrokenResourceError` if they do not."""
        held = b""
        while wanted not in held:
            data = await self.stream.receive_some(65536)
            if not data:
                raise trio.BrokenResourceError
            held = held[-len(wanted) :] + bytes(data)


@asynccontextmanager
async def dialled(target: Target, receive_buffer: int | None = None) -> AsyncIterator[Peer]:
    """A TCP connection. Raises `OSError`. `receive_buffer`: bytes the kernel holds for us."""
    raw = trio.socket.socket()
    try:
        if receive_buffer is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await raw.bind((SOURCE, 0))
        await raw.connect(("127.0.0.1", target.port))
    except BaseException:
        raw.close()
        raise
    target.tally.connections += 1
    stream = trio.SocketStream(raw)
    try:
        yield Peer(stream, target.tally)
    finally:
        await trio.aclose_forcefully(stream)


@asynccontextmanager
async def shaken(
    target: Target, extra: Sequence[tuple[str, str]] = (), *, early: bytes = b"", receive_buffer: int | None = None
) -> AsyncIterator[Peer]:
    """The same behind the handshake. `early`: bytes sent with the head, before the answer to it."""
    async with dialled(target, receive_buffer) as peer:
        await peer.send(upgrade(target.key, extra) + early)
        await peer.until(b"\r\n\r\n")
        yield peer


__all__ = ["Peer", "Tally", "Target", "dialled", "shaken"]
