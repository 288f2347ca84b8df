"""A receiver of POST requests over real sockets on loopback, each connection with a thread of its own."""

import gzip
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from attrs import frozen

from tests.receivers.behaviour import Behaviour, Instead, ok
from tests.receivers.serving import Serving

PATIENCE_S = 30.0
# Closing throws away what was not sent and resets the connection, as a process that dies does.
ABRUPTLY = struct.pack("ii", 1, 0)

MessageT = TypeVar("MessageT")


class Undecodable(Exception):
    """A request that the receiver cannot read; the message says why."""


@frozen
class Received(Generic[MessageT]):
    """One whole request: its path, its headers with names in lower case, and what its body says."""

    path: str
    headers: Mapping[str, str]
    message: MessageT


@frozen
class Answer:
    """What a receiver says to a request it takes."""

    body: bytes
    content_type: str


class Receiver(Generic[MessageT]):
    """Records requests and does with them what it is told. A context manager: on the way out no thread, socket or
    request is left, and requests that could not be read are an `AssertionError`.

    `read(path, headers, body)` makes a message of an inflated body, or raises `Undecodable`; `answer` is said to
    those that are taken.
    """

    def __init__(
        self,
        read: Callable[[str, Mapping[str, str], bytes], MessageT],
        answer: Callable[[MessageT], Answer],
        behaviour: Behaviour | None = None,
    ) -> None:
        self._read = read
        self._answer = answer
        self._usual = behaviour or ok()
        self._by_path: dict[str, Behaviour] = {}
        self._next: deque[Behaviour] = deque()
        self._requests: list[Received[MessageT]] = []
        self._cut = 0
        self._errors: list[str] = []
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.end()
        assert kind is not None or not self._errors, self._errors

    @property
    def port(self) -> int:
        """The bound port."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Received[MessageT]]:
        """Every whole request so far, whatever was answered."""
        with self._changed:
            return list(self._requests)

    @property
    def cut(self) -> int:
        """How many requests were cut."""
        with self._changed:
            return self._cut

    def behave(self, behaviour: Behaviour, path: str | None = None) -> None:
        """Do this from the next request on; `path`: with those to this path only."""
        with self._changed:
            if path is None:
                self._usual = behaviour
            else:
                self._by_path[path] = behaviour

    def first(self, *behaviours: Behaviour) -> None:
        """Do these with the next requests, one each, before what it usually does."""
        with self._changed:
            self._next.extend(behaviours)

    def wait(self, count: int = 1, timeout_s: float = PATIENCE_S) -> list[Received[MessageT]]:
        """The requests, once there are so many whole ones."""
        self.wait_until(lambda: len(self._requests) >= count, f"{count} requests", timeout_s)
        return self.requests

    def wait_until(self, done: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
        """Return when `done()`, which is asked at every request."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not done():
                left = deadline - time.monotonic()
                assert left > 0, f"no {what}: {len(self._requests)} requests, {self._cut} cut, {self._errors}"
                self._changed.wait(left)

    # -- what the connections call -------------------------------------------------------------------------------------

    def take_behaviour(self, path: str) -> Behaviour:
        """What to do with a request whose head has been read."""
        with self._changed:
            return self._next.popleft() if self._next else self._by_path.get(path, self._usual)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Record a request. Raises `Undecodable`."""
        try:
            message = self._read(path, headers, _inflated(headers, body))
        except Undecodable as error:
            self.complain(f"{path}: {error}")
            raise
        with self._changed:
            self._requests.append(Received(path, headers, message))
            self._changed.notify_all()
        return self._answer(message)

    def count_cut(self) -> None:
        """Record that a request was cut."""
        with self._changed:
            self._cut += 1
            self._changed.notify_all()

    def complain(self, text: str) -> None:
        """Record what must not happen."""
        with self._changed:
            self._errors.append(text)
            self._changed.notify_all()

    def pause(self, seconds: float | None, connection: socket.socket) -> None:
        """Wait: so long (None: for ever), until the receiver ends or the other side has hung up."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self._over.is_set():
            left = 0.02 if deadline is None else min(0.02, deadline - time.monotonic())
            if left <= 0 or (self._over.wait(left) or _has_hung_up(connection)):
                return


class _Server(Serving):
    def __init__(self, receiver: Receiver[Any]) -> None:
        self.receiver = receiver
        super().__init__(_Handler, receiver.complain)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        receiver = self.server.receiver
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = int(headers["content-length"])
        match receiver.take_behaviour(self.path):
            case Instead.CUT:
                self.rfile.read(length // 2)
                receiver.count_cut()
                self._break()
            case Instead.HANG:
                receiver.take(self.path, headers, self.rfile.read(length))
                receiver.pause(None, self.connection)
                self.close_connection = True
            case reply:
                body = self.rfile.read(length)
                try:
                    answer = receiver.take(self.path, headers, body)
                except Undecodable as error:
                    self._say(400, {}, Answer(str(error).encode(), "text/plain"))
                    return
                receiver.pause(reply.after_s, self.connection)
                refusal = Answer(b"", "text/plain")
                self._say(reply.status or 200, reply.headers, refusal if reply.status else answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing: requests are recorded."""

    def _say(self, status: int, headers: Mapping[str, str], answer: Answer) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _break(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPTLY)


@contextmanager
def dead_port() -> Iterator[int]:
    """A port that refuses every connection while the context lasts: somebody has it and does not listen."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def _inflated(headers: Mapping[str, str], body: bytes) -> bytes:
    match headers.get("content-encoding"):
        case None | "identity":
            return body
        case "gzip":
            try:
                return gzip.decompress(body)
            except (OSError, EOFError) as error:
                raise Undecodable(f"not gzip: {error}") from error
        case other:
            raise Undecodable(f"Content-Encoding {other}: no such decoder here")


def _has_hung_up(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    if not readable:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except ConnectionError:
        return True


__all__ = ["Answer", "Received", "Receiver", "Undecodable", "dead_port"]
