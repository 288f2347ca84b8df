"""Listening: the head of each request, HTTP answers, the WebSocket hand-over, the crash barrier, the drain."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import structlog
import trio
from attrs import define, field, frozen

from actors.channels import CLOSE_HANDSHAKE_S
from actors.connection import NOBODY, Connection, Socket, turn_away
from actors.session.effects import Hangup
from protocol.errors import PeerProtocolError
from runtime.access import Slots, Throttle, check_keys
from runtime.heads import Answer, BadRequest, RequestHead, read_head
from runtime.health import ALIVE, Health
from runtime.settings import Secret
from runtime.websocket import accept
from runtime.wire import Wire

log = structlog.get_logger()
INTERNAL_CLOSE_CODE = 1011
BACKLOG = 1024


@frozen(kw_only=True)
class Door:
    """How connections are taken in. Times in seconds."""

    keys: tuple[Secret, ...]
    max_frame_bytes: int = 262144
    compresses: bool = False
    send_timeout_s: float = 20.0
    close_unauthorized: int = 1008
    close_busy: int = 1013


@define(eq=False)
class Server:
    """Serves connections until it is told to drain.

    `connect` makes the connection of an accepted socket; while it is None the server is starting and takes none.
    """

    door: Door
    throttle: Throttle
    slots: Slots
    health: Health
    connect: Callable[[Socket], Connection] | None = None
    metrics: Callable[[], Awaitable[str]] | None = None
    connections: set[Connection] = field(factory=set)
    _empty: trio.Event = field(factory=trio.Event)

    async def serve(self, host: str, port: int, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until cancelled; reports the port that was bound."""
        listeners = await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
        bound = listeners[0].socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, self._handle, listeners)
            task_status.started(bound)

    async def drain(self, timeout_s: float) -> None:
        """Say goodbye to everybody: at once where no turn is running, else when it ends or the time is over."""
        self.health.draining = True
        log.info("server.drain_started", connections=len(self.connections), timeout_s=timeout_s)
        for connection in list(self.connections):
            connection.drain()
        with trio.move_on_after(timeout_s):
            await self._wait_empty()
        for connection in list(self.connections):
            connection.expire()
        with trio.move_on_after(CLOSE_HANDSHAKE_S + 1):
            await self._wait_empty()

    async def _wait_empty(self) -> None:
        while self.connections:
            await self._empty.wait()

    async def _handle(self, stream: trio.SocketStream) -> None:
        """One TCP connection. Nothing that happens to it may reach another one."""
        try:
            async with stream:
                await self._answer(stream)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            log.debug("connection.broken")
        except* Exception as group:
            log.error("connection.crashed", exc_info=group)

    async def _answer(self, stream: trio.SocketStream) -> None:
        try:
            head = await read_head(stream)
        except BadRequest as error:
            await stream.send_all(Answer(HTTPStatus.BAD_REQUEST, {"error": f"bad request: {error}"}).encode())
            return
        if head is None:
            return
        answer = await self._route(head, stream)
        if answer is not None:
            await stream.send_all(answer.encode(head.method))
            await stream.send_eof()
            return
        await self._upgrade(stream, head)

    async def _route(self, head: RequestHead, stream: trio.SocketStream) -> Answer | None:
        """The answer to a plain request, or None for a WebSocket that may come in."""
        match head.path:
            case "/ws":
                return self._refuse_upgrade(head, stream)
            case "/" | "/health" | "/healthz":
                return ALIVE
            case "/readyz":
                return self.health.answer()
            case "/metrics" if self.metrics is not None:
                return Answer(HTTPStatus.OK, await self.metrics())
            case "/favicon.ico":
                return Answer(HTTPStatus.NO_CONTENT)
        return Answer(HTTPStatus.NOT_FOUND, {"error": "not found; the WebSocket is at /ws"})

    def _refuse_upgrade(self, head: RequestHead, stream: trio.SocketStream) -> Answer | None:
        if not head.is_upgrade:
            upgrade = (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"))
            return Answer(HTTPStatus.UPGRADE_REQUIRED, {"error": "connect with a WebSocket client"}, upgrade)
        if self.throttle.blocks(_peer(stream), trio.current_time()):
            retry = (("Retry-After", str(int(self.throttle.window_s) or 1)),)
            return Answer(HTTPStatus.TOO_MANY_REQUESTS, {"error": "too many failed keys from this address"}, retry)
        if self.health.draining or self.connect is None:
            reason = {"error": self.health.reason() or "starting"}
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, reason, (("Retry-After", "5"),))
        return None

    async def _upgrade(self, stream: trio.SocketStream, head: RequestHead) -> None:
        wire = Wire(stream, head.raw, self.door.send_timeout_s)
        async with accept(wire, self.door.max_frame_bytes, compresses=self.door.compresses) as socket:
            if socket is None:
                return
            try:
                check_keys(head, self.door.keys)
            except PeerProtocolError as problem:
                self.throttle.failed(_peer(stream), trio.current_time())
                log.info("peer.rejected", reason=problem.reason_code)
                await turn_away(socket, problem, self.door.close_unauthorized)
                return
            try:
                async with self.slots.slot():
                    await self._converse(socket)
            except PeerProtocolError as problem:
                log.info("peer.rejected", reason=problem.reason_code)
                await turn_away(socket, problem, self.door.close_busy)

    async def _converse(self, socket: Socket) -> None:
        """One session behind the crash barrier: a bug in it costs this connection, and nothing else."""
        assert self.connect is not None, "connections are refused until there is somebody to talk to"
        connection = self.connect(socket)
        self.connections.add(connection)
        log.info("session.opened", connections=len(self.connections))
        try:
            if self.health.draining:  # it began between the upgrade and here
                await turn_away(socket, _shutting_down(), connection.closings[Hangup.SHUTDOWN][0])
                return
            await connection.run()
        except* Exception as group:
            log.error("session.crashed", exc_info=group)
            await turn_away(socket, _internal_exception(), INTERNAL_CLOSE_CODE, connection.unfinished() or NOBODY)
        finally:
            self.connections.discard(connection)
            log.info("session.closed", connections=len(self.connections), **connection.summary())
            if not self.connections:
                self._empty.set()
                self._empty = trio.Event()


def closings(codes: Mapping[Hangup, tuple[int, str]]) -> dict[Hangup, tuple[int, str]]:
    """Close code and reason of every way to hang up; `codes` holds those that a deployment can set."""
    return {
        Hangup.CLIENT_REQUEST: (1000, "client_request"),
        Hangup.IDLE: (4000, "idle_timeout"),
        Hangup.SHUTDOWN: (1001, "server_shutdown"),
        Hangup.SLOW_CONSUMER: (1013, "slow_consumer"),
        Hangup.REFUSED: (1008, "refused"),
        Hangup.INTERNAL: (INTERNAL_CLOSE_CODE, "internal_error"),
        **codes,
    }


def _internal_exception() -> PeerProtocolError:
    message = "The server made a mistake and has to close this connection; connect again."
    return PeerProtocolError("internal_error", "internal_exception", message)


def _shutting_down() -> PeerProtocolError:
    message = "The server is shutting down; connect again in a few seconds."
    return PeerProtocolError("server_busy", "engine_unavailable", message, details={"retry_in": 5})


def _peer(stream: trio.SocketStream) -> str:
    try:
        return str(stream.socket.getpeername()[0])
    except OSError:
        return "gone"


__all__ = ["Door", "Server", "closings"]
