"""Plain HTTP by hand: a request written as bytes, a response read to its end."""

import json
from collections.abc import Sequence
from typing import Any

import trio
from attrs import field, frozen


@frozen
class Reply:
    """A response. Header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=True)

    @property
    def json(self) -> Any:
        """The body, decoded."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


async def exchange(port: int, data: bytes) -> bytes:
    """Send bytes, half-close nothing, read until the server closes."""
    with trio.fail_after(15):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(data)
            received = b""
            try:
                async for chunk in stream:
                    received += chunk
            except trio.BrokenResourceError:
                pass
            return received


async def fetch(port: int, target: str, method: str = "GET", headers: Sequence[tuple[str, str]] = ()) -> Reply:
    """One request on its own connection."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (("Host", "127.0.0.1"), *headers))
    received = await exchange(port, f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode())
    head, _, body = received.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    fields = dict(line.split(": ", 1) for line in rest)
    return Reply(int(first.split()[1]), {name.lower(): value for name, value in fields.items()}, body)


UPGRADE = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)

__all__ = ["UPGRADE", "Reply", "exchange", "fetch"]
