"""Faults before a session: nobody gets in. Every client ends with the same kind and the same exit code."""

from base64 import b64encode
from hashlib import sha1

import trio

from tests.tooling.clients.faulty.fault import Fault
from tests.tooling.clients.faulty.host import Door, Manners
from tests.tooling.clients.faulty.steps import Close, Step
from tests.tooling.clients.faulty.turns import error

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x46"


async def _request(stream: trio.SocketStream) -> bytes:
    """The head of the client's request."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        block = await stream.receive_some()
        if not block:
            raise trio.BrokenResourceError
        head += block
    return head


def _answers(status: str, *headers: str, body: str = "") -> Door:
    """An HTTP server that answers so, and closes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", body]

    async def door(stream: trio.SocketStream) -> None:
        await _request(stream)
        await stream.send_all("\r\n".join(lines).encode())

    return door


def _says(data: bytes) -> Door:
    """Says this to whatever it hears first, and closes."""

    async def door(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(data)

    return door


async def _says_nothing(stream: trio.SocketStream) -> None:
    async for _ in stream:
        pass


async def _hangs_up(_stream: trio.SocketStream) -> None:
    return


async def _drips_for_ever(stream: trio.SocketStream) -> None:
    """A response head that never ends."""
    await _request(stream)
    await stream.send_all(b"HTTP/1.1 101 Switching Protocols\r\n")
    while True:
        await stream.send_all(b"X: y\r\n")
        await trio.sleep(1)


async def _upgrades_without_the_key(stream: trio.SocketStream) -> None:
    await _request(stream)
    accept = b64encode(sha1(b"another key" + MAGIC).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    await stream.send_all("\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", "", ""]).encode())
    await _says_nothing(stream)


def _door(name: str, door: Door, scheme: str = "ws") -> Fault:
    return Fault(name=name, server=door, kind="connection_failed", exit=3, scheme=scheme)


def _turned_away(name: str, *first: Step) -> Fault:
    """The handshake is accepted, so that the error can be read."""
    server = Manners(first=first, turn=lambda _: [])
    return Fault(name=name, server=server, kind="connection_failed", exit=3)


FAULTS = (
    _door("HTTP 200", _answers("200 OK", body="hello")),
    _door("HTTP 301", _answers("301 Moved", "Location: /ws/there")),
    _door("HTTP 401", _answers("401 Unauthorized")),
    _door("HTTP 404", _answers("404 Not Found")),
    _door("HTTP 426", _answers("426 Upgrade Required")),
    _door("HTTP 429", _answers("429 Too Many Requests")),
    _door("HTTP 503", _answers("503 Service Unavailable", "Retry-After: 1")),
    _door("an upgrade to something else", _answers("101 Switching Protocols", "Upgrade: h2c", "Connection: Upgrade")),
    _door("an upgrade that knows not the key", _upgrades_without_the_key),
    _door("TCP that says nothing", _says_nothing),
    _door("TCP that hangs up", _hangs_up),
    _door("a head without end", _drips_for_ever),
    _door("another protocol", _says(b"220 mail.example ESMTP\r\n")),
    _door("TLS where none was asked for", _says(TLS_ALERT)),
    _door("no TLS where it was asked for", _answers("400 Bad Request"), scheme="wss"),
    _door("silence where TLS was asked for", _says_nothing, scheme="wss"),
    _turned_away("a wrong key", error("authentication_failed", "invalid_key", ends=False), Close(1008)),
    _turned_away("no room", error("server_at_capacity", "no_slot", ends=False), Close(1013)),
)

__all__ = ["FAULTS"]
