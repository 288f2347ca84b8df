"""One WebSocket to the server: bounded waits, protocol pings, every frame checked."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from urllib.parse import SplitResult, urlsplit, urlunsplit

import trio
from attrs import frozen
from trio_websocket import ConnectionClosed, ConnectionRejected, HandshakeError, WebSocketConnection, wrap_client_stream

from tooling.clients.failures import ClientError, ConnectionLost, NoConnection, ProtocolBreach, TimedOut
from tooling.clients.session.address import Endpoint
from tooling.clients.session.checks import FrameChecks
from tooling.clients.session.frames import Incoming, decode, encode

Note = Callable[[str], None]
PAUSES_S = (0.5, 1.0)  # between the three attempts to connect
CONNECT_TIMEOUT_S = 10.0
END_TIMEOUT_S = 2.0
MAX_MESSAGE_BYTES = 1 << 20
# The library's reader stops answering pings when this many messages wait: more than any reply has tokens.
MESSAGE_QUEUE = 4096


@frozen(kw_only=True)
class Limits:
    """Bounds of every wait, in seconds. `receive_s`: the longest wait for the next frame."""

    receive_s: float = 60.0
    ping_interval_s: float = 20.0
    ping_timeout_s: float = 20.0


class Connection:
    """A session with the server. `checks` sees every frame; with `lenient` a breach is only noted."""

    def __init__(
        self, socket: WebSocketConnection, client: str, limits: Limits, *, note: Note, lenient: bool = False
    ) -> None:
        self.session_id = f"{client}-{uuid.uuid4()}"
        self.checks = FrameChecks(self.session_id)
        self.limits = limits
        self.acked = False
        self.closed: ConnectionLost | None = None
        self._socket = socket
        self._note = note
        self._lenient = lenient
        self._unknown: set[str] = set()
        self._unanswered_ping = False

    @property
    def model(self) -> str:
        """What the server calls its chat model; "" if it does not say."""
        told: dict[bytes, bytes] = dict(self._socket.handshake_headers)
        return told.get(b"x-model", b"").decode("ascii", "replace")

    async def send(self, kind: str, payload: Mapping[str, object], request_id: str | None = None) -> str:
        """Write one frame and return its request id. A closed connection shows at the next `receive`, not here."""
        chosen = request_id or f"{kind}-{uuid.uuid4()}"
        self.checks.sent(kind, chosen)
        with contextlib.suppress(ConnectionClosed):  # what the server said before it closed is still to be read
            await self._socket.send_message(encode(kind, self.session_id, chosen, payload))
        return chosen

    async def receive(self, awaited: str, timeout_s: float | None = None) -> Incoming:
        """The next frame. Raises `TimedOut` naming what was awaited, `ConnectionLost`, `ProtocolBreach`."""
        limit = self.limits.receive_s if timeout_s is None else timeout_s
        while True:
            with trio.move_on_after(limit) as scope:
                message = await self._message()
            if scope.cancelled_caught:
                raise TimedOut(f"no {awaited} within {limit:g} s")
            frame = decode(message, trio.current_time())
            if self._known(frame):
                self.acked = self.acked or frame.type == "ack"
                return frame

    async def end(self) -> None:
        """Say goodbye: `end`, then the close handshake, each bounded; whatever happened before."""
        if self.closed is not None:
            return
        with trio.move_on_after(END_TIMEOUT_S), contextlib.suppress(ClientError):
            await self.send("end", {})
            while True:
                await self.receive("session_end")

    async def keep_alive(self) -> None:
        """Ping until cancelled; a ping without a pong in time closes the connection."""
        while True:
            await trio.sleep(self.limits.ping_interval_s)
            with trio.move_on_after(self.limits.ping_timeout_s) as scope, contextlib.suppress(ConnectionClosed):
                await self._socket.ping()
            if scope.cancelled_caught:
                self._unanswered_ping = True
                with trio.move_on_after(END_TIMEOUT_S):
                    await self._socket.aclose(1001, "no pong")
                return

    async def _message(self) -> str | bytes:
        try:
            message: str | bytes = await self._socket.get_message()
        except ConnectionClosed as closed:
            if self._unanswered_ping:
                raise TimedOut(f"no pong within {self.limits.ping_timeout_s:g} s") from None
            reason = closed.reason
            self.closed = ConnectionLost(reason.code if reason else None, reason.reason if reason else None)
            raise self.closed from None
        return message

    def _known(self, frame: Incoming) -> bool:
        try:
            known = self.checks.received(frame)
        except ProtocolBreach as breach:
            if not self._lenient:
                raise
            self._note(f"protocol: {breach}")
            return True
        if not known and frame.type not in self._unknown:
            self._unknown.add(frame.type)
            self._note(f"unknown frame type {frame.type!r} ignored")
        return known


@contextlib.asynccontextmanager
async def connected(
    endpoint: Endpoint, client: str, limits: Limits, *, note: Note, lenient: bool = False
) -> AsyncIterator[Connection]:
    """Connect (three attempts), yield the connection, say goodbye. Raises `NoConnection`; errors inside stay bare."""
    failure: Exception | None = None
    async with contextlib.AsyncExitStack() as stack:
        socket = await _dial(stack, endpoint)
        connection = Connection(socket, client, limits, note=note, lenient=lenient)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.keep_alive)
            try:
                yield connection
            except Exception as error:  # carried past the nurseries, which would wrap it in a group
                failure = error
            await connection.end()
            with trio.move_on_after(END_TIMEOUT_S):
                await socket.aclose()
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _dial(stack: contextlib.AsyncExitStack, endpoint: Endpoint) -> WebSocketConnection:
    for pause in (*PAUSES_S, None):
        try:
            return await stack.enter_async_context(_websocket(endpoint))
        except (OSError, ExceptionGroup) as error:
            words = _words(error)
            if pause is None:
                raise NoConnection(f"no connection to {endpoint.url}: {words}") from None
            await trio.sleep(pause)
    raise AssertionError("unreachable")


@contextlib.asynccontextmanager
async def _websocket(endpoint: Endpoint) -> AsyncIterator[WebSocketConnection]:
    """A socket after its handshake. The stream is ours: the library leaves it open when the server closes first."""
    parts = urlsplit(endpoint.target())
    resource = urlunsplit(("", "", parts.path, parts.query, ""))
    with trio.move_on_after(CONNECT_TIMEOUT_S) as opening:
        stream = await _stream(parts)
    if opening.cancelled_caught:
        raise TimeoutError(f"no answer within {CONNECT_TIMEOUT_S:g} s")
    try:
        async with trio.open_nursery() as nursery:
            with trio.fail_after(CONNECT_TIMEOUT_S):
                socket = await wrap_client_stream(
                    nursery,
                    stream,
                    parts.netloc,
                    resource,
                    extra_headers=endpoint.headers(),
                    message_queue_size=MESSAGE_QUEUE,
                    max_message_size=MAX_MESSAGE_BYTES,
                )
            yield socket
            nursery.cancel_scope.cancel()
    finally:
        await trio.aclose_forcefully(stream)


async def _stream(parts: SplitResult) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
    host = parts.hostname or ""
    if parts.scheme == "wss":
        return await trio.open_ssl_over_tcp_stream(host, parts.port or 443, https_compatible=True)
    return await trio.open_tcp_stream(host, parts.port or 80)


def _words(error: OSError | ExceptionGroup[Exception]) -> str:
    """Why a connection failed. A group holds what the handshake's nursery gathered; anything foreign is raised on."""
    if isinstance(error, OSError):
        return str(error) or type(error).__name__
    expected, rest = error.split((HandshakeError, ConnectionClosed, trio.TooSlowError, trio.BrokenResourceError))
    if rest is not None or expected is None:
        raise error
    rejected = next((one for one in expected.exceptions if isinstance(one, ConnectionRejected)), None)
    return f"the server answered HTTP {rejected.status_code}" if rejected else "the handshake failed"


__all__ = ["Connection", "Limits", "Note", "connected"]
