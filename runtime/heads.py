"""Plain HTTP: the head of a request, read with h11, and the short answers that close a connection."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import h11
import trio
from attrs import frozen

HEAD_TIMEOUT_S = 10.0
HEAD_MAX_BYTES = 32768


@frozen
class RequestHead:
    """A request as far as its blank line. `raw`: every byte read so far. Header names are lower-case."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, tuple[str, ...]]
    raw: bytes

    @property
    def is_upgrade(self) -> bool:
        """Whether this asks for a WebSocket that the handshake will accept (RFC 6455, section 4.2.1)."""
        return (
            self.method == "GET"
            and "websocket" in self._words("upgrade")
            and "upgrade" in self._words("connection")
            and self._words("sec-websocket-version") == ["13"]
            and len(self._words("sec-websocket-key")) == 1
        )

    def _words(self, name: str) -> list[str]:
        return [word.strip().lower() for value in self.headers.get(name, ()) for word in value.split(",")]


class BadRequest(Exception):
    """What came is not an HTTP request that we can read."""


async def read_head(stream: trio.abc.ReceiveStream) -> RequestHead | None:
    """The request's head; None if the peer went away or took too long. Raises `BadRequest`."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_MAX_BYTES)
    raw = b""
    with trio.move_on_after(HEAD_TIMEOUT_S):
        while True:
            try:
                event = parser.next_event()
            except h11.RemoteProtocolError as error:
                raise BadRequest(str(error)) from None
            if isinstance(event, h11.Request):
                return _head(event, raw)
            if event is not h11.NEED_DATA:
                return None
            try:
                data = bytes(await stream.receive_some(HEAD_MAX_BYTES))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return None
            if not data and not raw:
                return None
            raw += data
            parser.receive_data(data)
    return None


def _head(event: h11.Request, raw: bytes) -> RequestHead:
    try:
        target = urlsplit(event.target.decode("ascii"))
        query = parse_qs(target.query, keep_blank_values=True, max_num_fields=64)
    except ValueError as error:
        raise BadRequest(str(error)) from None
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in event.headers:
        key = name.decode("ascii")
        headers[key] = (*headers.get(key, ()), value.decode("latin-1").strip())
    pairs = {key: tuple(values) for key, values in query.items()}
    return RequestHead(event.method.decode("ascii"), target.path, pairs, headers, raw)


@frozen
class Answer:
    """A whole plain response; `body` None has none. A mapping is sent as JSON."""

    status: HTTPStatus
    body: Mapping[str, object] | str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "text/plain; version=0.0.4; charset=utf-8"

    def encode(self, method: str = "GET") -> bytes:
        """The response's bytes."""
        body, kind = b"", None
        if isinstance(self.body, str):
            body, kind = self.body.encode(), self.content_type
        elif self.body is not None:
            body, kind = json.dumps(self.body, separators=(",", ":")).encode(), "application/json"
        fields = [("Content-Length", str(len(body))), ("Connection", "close"), *self.headers]
        if kind is not None:
            fields.append(("Content-Type", kind))
        head = f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return (head + lines + "\r\n").encode("latin-1") + (b"" if method == "HEAD" else body)


__all__ = ["Answer", "BadRequest", "RequestHead", "read_head"]
