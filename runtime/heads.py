"""Plain HTTP: the head of a request, read with h11, and the short answers that close a connection."""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import h11
import trio
from attrs import frozen

HEAD_TIMEOUT_S = 10.0
HEAD_MAX_BYTES = 32768
HEAD_MAX_LINES = 128
"""Header lines; h11 takes about 5 us for each and does them all at once."""
READ_BYTES = 8192
BLANK_LINE = re.compile(rb"\r?\n\r?\n")
QUOTED = re.compile(r"(?:bytearray\()?b['\"]")
NO_LENGTH = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
"""The first must have none; the second's would be that of what is not sent (RFC 9110, section 8.6)."""
TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


@frozen
class RequestHead:
    """A request as far as its blank line. Header names are lower-case. `rest`: bytes that came behind that line."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, tuple[str, ...]]
    rest: bytes = b""
    version: str = "1.1"

    @property
    def is_upgrade(self) -> bool:
        """Whether this asks for a WebSocket that the handshake may accept (RFC 6455, section 4.2.1)."""
        return (
            self.method == "GET"
            and self.version == "1.1"
            and "websocket" in self._words("upgrade")
            and "upgrade" in self._words("connection")
            and self._words("sec-websocket-version") == ["13"]
            and len(self._words("sec-websocket-key")) == 1
        )

    def _words(self, name: str) -> list[str]:
        return [word.strip().lower() for value in self.headers.get(name, ()) for word in value.split(",")]


class BadRequest(Exception):
    """What came is not an HTTP request that we can read; `status` says what to answer."""

    def __init__(self, why: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(why)
        self.status = status


async def read_head(stream: trio.abc.ReceiveStream) -> RequestHead | None:
    """The request's head; None if the peer went away or took too long. Raises `BadRequest`."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_MAX_BYTES)
    size = lines = 0
    with trio.move_on_after(HEAD_TIMEOUT_S):
        while True:
            try:
                data = bytes(await stream.receive_some(READ_BYTES))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return None
            if not data and not size:
                return None
            size += len(data)
            # Counted before they are parsed, and only as far as the head goes: frames may follow in the same segment.
            lines += BLANK_LINE.split(data, 1)[0].count(b"\n")
            if lines > HEAD_MAX_LINES:
                raise BadRequest(f"more than {HEAD_MAX_LINES} header lines", TOO_LARGE)
            event = _parse(parser, data)
            if isinstance(event, h11.Request):
                return _head(event, parser.trailing_data[0])
            if event is not h11.NEED_DATA:
                return None
    return None


def _parse(parser: h11.Connection, data: bytes) -> object:
    try:
        parser.receive_data(data)
        return parser.next_event()
    except h11.RemoteProtocolError as error:
        raise BadRequest(_without_quotes(str(error)), HTTPStatus(error.error_status_hint)) from None


def _without_quotes(why: str) -> str:
    """What h11 says is wrong, less the bytes that it quotes: they may be a key, and an answer is logged on its way."""
    return QUOTED.split(why)[0].strip(" :(")


def _head(event: h11.Request, rest: bytes) -> RequestHead:
    if event.http_version not in (b"1.0", b"1.1"):
        raise BadRequest("HTTP/1.1 is spoken here", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    target = event.target.decode("ascii").partition("#")[0]
    try:
        # Only a whole URL is split as one: a path with two slashes in front names no host.
        path, _, asked = target.partition("?") if target.startswith("/") else _of_url(target)
        query = parse_qs(asked, keep_blank_values=True, max_num_fields=64)
    except ValueError:
        raise BadRequest("the target cannot be read") from None
    headers: dict[str, list[str]] = {}
    for name, value in event.headers:
        headers.setdefault(name.decode("ascii"), []).append(value.decode("latin-1").strip())
    return RequestHead(
        method=event.method.decode("ascii"),
        path=path,
        query={key: tuple(values) for key, values in query.items()},
        headers={key: tuple(values) for key, values in headers.items()},
        rest=bytes(rest),
        version=event.http_version.decode("ascii"),
    )


def _of_url(target: str) -> tuple[str, str, str]:
    parts = urlsplit(target)
    return parts.path or "/", "?", parts.query


@frozen
class Answer:
    """A whole plain response; `body` None has none. A mapping is sent as JSON, bytes and text as `content_type`."""

    status: HTTPStatus
    body: Mapping[str, object] | bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "text/plain; charset=utf-8"

    def encode(self, method: str = "GET") -> bytes:
        """The response's bytes."""
        body, kind = b"", None
        if isinstance(self.body, bytes):
            body, kind = self.body, self.content_type
        elif self.body is not None:
            body, kind = json.dumps(self.body, separators=(",", ":")).encode(), "application/json"
        fields = [("Connection", "close"), *self.headers]
        if self.status not in NO_LENGTH:
            fields.insert(0, ("Content-Length", str(len(body))))
        if kind is not None:
            fields.append(("Content-Type", kind))
        head = f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return (head + lines + "\r\n").encode("latin-1") + (b"" if method == "HEAD" else body)


__all__ = ["Answer", "BadRequest", "RequestHead", "read_head"]
