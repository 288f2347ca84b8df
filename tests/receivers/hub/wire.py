"""HTTP on loopback for the Hub: requests to routes by method and path, recorded; trouble on any of them when told."""

import json
import re
import socket
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from attrs import field, frozen

from tests.receivers.behaviour import Behaviour, Instead, Reply
from tests.receivers.serving import Serving

BAD_GATEWAY = 502
ABRUPTLY = struct.pack("ii", 1, 0)


@frozen(kw_only=True)
class Request:
    """One whole request. `stage`: the name of the route it came to, "" for none; header names in lower case."""

    stage: str
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def token(self) -> str | None:
        """The bearer's token."""
        said = self.headers.get("authorization", "")
        return said.removeprefix("Bearer ") if said.startswith("Bearer ") else None


@frozen(kw_only=True)
class Answer:
    """What is said to a request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}

    @classmethod
    def of(cls, data: Any, status: int = 200, **headers: str) -> "Answer":
        """JSON."""
        said = {"Content-Type": "application/json"} | {name.replace("_", "-"): each for name, each in headers.items()}
        return cls(status=status, body=json.dumps(data).encode(), headers=said)

    @classmethod
    def error(cls, status: int, message: str, code: str = "") -> "Answer":
        """As the Hub says no."""
        more = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        return cls(status=status, body=json.dumps({"error": message}).encode(), headers=more)


Handle = Callable[[Request, re.Match[str]], Answer]


@frozen
class Route:
    """Where requests of one stage come in. `pattern`: of the whole path."""

    stage: str
    method: str
    pattern: re.Pattern[str]
    handle: Handle


class Server:
    """Routes behind a port of loopback. A context manager: on the way out no thread and no socket is left."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        self._trouble: dict[str, deque[Behaviour]] = defaultdict(deque)
        self._halves: list[str] = []
        self._happenings: dict[str, Callable[[], object]] = {}
        self._requests: list[Request] = []
        self._guard = threading.Lock()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.end()
        unknown = [f"{each.method} {each.path}" for each in self.requests if not each.stage]
        assert kind is not None or not self._http.errors, self._http.errors
        assert kind is not None or not unknown, f"routes that a Hub does not have: {unknown}"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def requests(self) -> list[Request]:
        """Every request so far whose answer was begun, in order."""
        with self._guard:
            return list(self._requests)

    def stages(self) -> list[str]:
        """The stages of the requests, in order."""
        return [request.stage for request in self.requests]

    def trouble(self, stage: str, *behaviours: Behaviour) -> None:
        """Do these with the next requests of a stage, one each, instead of answering."""
        with self._guard:
            self._trouble[stage].extend(behaviours)

    def answer_half(self, stage: str) -> None:
        """Carry the next request of a stage out, and break the connection within its answer."""
        with self._guard:
            self._halves.append(stage)

    def before(self, stage: str, happening: Callable[[], object]) -> None:
        """Let something happen just before the next request of a stage is carried out."""
        with self._guard:
            self._happenings[stage] = happening

    # -- what the connections call -------------------------------------------------------------------------------------

    def route(self, method: str, path: str) -> tuple[Route, re.Match[str]] | None:
        """Where a request belongs; HEAD goes where GET goes."""
        wanted = "GET" if method == "HEAD" else method
        for route in self._routes:
            if route.method == wanted and (match := route.pattern.fullmatch(path)):
                return route, match
        return None

    def next_trouble(self, stage: str) -> Behaviour | None:
        """What to do instead of answering, None for nothing."""
        with self._guard:
            waiting = self._trouble[stage]
            return waiting.popleft() if waiting else None

    def take_half(self, stage: str) -> bool:
        """Whether the answer is to break off."""
        with self._guard:
            if stage not in self._halves:
                return False
            self._halves.remove(stage)
            return True

    def happen(self, stage: str) -> None:
        """Do what has to be done before a request is carried out."""
        with self._guard:
            happening = self._happenings.pop(stage, None)
        if happening is not None:
            happening()

    def record(self, request: Request) -> None:
        """Keep a request."""
        with self._guard:
            self._requests.append(request)


class _Http(Serving):
    def __init__(self, server: Server) -> None:
        self.hub = server
        self.errors: list[str] = []
        super().__init__(_Handler, self.errors.append)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing: requests are recorded."""

    def _serve(self) -> None:
        hub = self.server.hub
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        found = hub.route(self.command, path)
        stage = found[0].stage if found else ""
        trouble = hub.next_trouble(stage)
        length = self.headers.get("Content-Length")
        if trouble is Instead.CUT and int(length or 0):
            self.rfile.read(int(length or 0) // 2)
            self._break()
            return
        request = Request(
            stage=stage,
            method=self.command,
            path=path,
            query=parse_qs(parts.query),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._body(length),
        )
        hub.record(request)
        if isinstance(trouble, Reply):
            self._say(_refusal(trouble.status or 200), trouble.headers)
            return
        hub.happen(stage)
        answer = found[0].handle(request, found[1]) if found else Answer.error(404, "no such route")
        half = trouble is Instead.CUT or hub.take_half(stage)
        self._say(answer, {}, half=half)
        if half:
            self._break()

    def _body(self, length: str | None) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(length or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _say(self, answer: Answer, more: Mapping[str, str], *, half: bool = False) -> None:
        self.send_response(answer.status)
        for name, value in {**answer.headers, **more}.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if half else answer.body)
            self.wfile.flush()

    def _break(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPTLY)


def _refusal(status: int) -> Answer:
    """What a Hub says, or the gateway before it, which knows no JSON."""
    if status == BAD_GATEWAY:
        return Answer(status=status, body=b"<html>502 Bad Gateway</html>", headers={"Content-Type": "text/html"})
    return Answer.error(status, "trouble was asked for")


__all__ = ["Answer", "Handle", "Request", "Route", "Server"]
