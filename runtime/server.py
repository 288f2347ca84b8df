"""Listening: the head of each request, HTTP answers, the WebSocket hand-over, the crash barrier, the drain."""

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import structlog
import trio
from attrs import define, field, frozen

from actors.channels import CLOSE_HANDSHAKE_S
from actors.connection import Connection, Socket, turn_away
from actors.happenings import NOBODY, ConnectionRejected, Crashed, Observer, SlotTaken
from actors.session.effects import Hangup
from protocol.errors import PeerProtocolError
from runtime.access import Slots, Throttle, check_keys, no_slot, shutting_down
from runtime.arrivals import CROWDED, Arrival, Arrivals, accept_forever
from runtime.heads import Answer, BadRequest, RequestHead, read_head
from runtime.health import ALIVE, Health
from runtime.listening import open_listeners
from runtime.peers import peer_of
from runtime.playground.answers import Playground
from runtime.settings import Secret
from runtime.settings.kinds import Network
from runtime.websocket import BadHandshake, KeepAlive, Unheard, WebSocket, Wire, agree

log = structlog.get_logger()
INTERNAL_CLOSE_CODE = 1011
SHUTDOWN = (1001, "server_shutdown")
REJECTIONS_EVERY_S = 1.0
ANSWER_S = 10.0


@frozen(kw_only=True)
class Door:
    """How connections are taken in. `model`: the name of the chat model, told to whom is let in. Times in seconds."""

    keys: tuple[Secret, ...]
    max_frame_bytes: int = 2097152
    compresses: bool = False
    model: str = ""
    trusted_proxies: tuple[Network, ...] = ()
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
    arrivals: Arrivals = field(factory=lambda: Arrivals(256))
    keep_alive: KeepAlive = field(factory=lambda: KeepAlive(25.0))
    connect: Callable[[Socket], Connection] | None = None
    metrics: Callable[[], Awaitable[Answer]] | None = None
    playground: Playground | None = None
    observer: Observer = NOBODY
    connections: set[Connection] = field(factory=set)
    _guests: int = 0
    _empty: trio.Event = field(factory=trio.Event)
    _told_at: float = -math.inf
    _untold: int = 0

    async def serve(self, host: str, port: int, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until cancelled; reports the port that was bound."""
        listeners = await open_listeners(host, port)
        bound = listeners[0].socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.keep_alive.run)
            for listener in listeners:
                nursery.start_soon(accept_forever, listener, nursery, self._handle, self.arrivals.free_one)
            task_status.started(bound)

    async def drain(self, timeout_s: float) -> None:
        """Say goodbye to everybody: at once where no turn is running, else when it ends or the time is over."""
        self.health.draining = True
        self.slots.shut(shutting_down)
        log.info("server.drain_started", connections=len(self.connections), timeout_s=timeout_s)
        for connection in list(self.connections):
            connection.drain()
        with trio.move_on_after(timeout_s):
            await self._wait_empty()
        self.expire()
        with trio.move_on_after(CLOSE_HANDSHAKE_S + 1):
            await self._wait_empty()

    def expire(self) -> None:
        """End every conversation now: the engine is told, turns are over, and who reads is told goodbye."""
        for connection in list(self.connections):
            connection.expire()

    async def _wait_empty(self) -> None:
        while self._guests:
            await self._empty.wait()

    @contextmanager
    def _guest(self) -> Iterator[None]:
        """Somebody whose handshake is answered: a drain waits until they have been told goodbye, or why they go."""
        self._guests += 1
        try:
            yield
        finally:
            self._guests -= 1
            if not self._guests:
                self._empty.set()
                self._empty = trio.Event()

    async def _handle(self, stream: trio.SocketStream) -> None:
        """One TCP connection. Nothing that happens to it may reach another one."""
        try:
            async with stream:
                with self.arrivals.arrival() as arrival:
                    await self._answer(stream, arrival)
                if arrival.is_asked:
                    await self._send_off(stream, arrival)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            log.debug("connection.broken")
        except* Exception as group:
            log.error("connection.crashed", exc_info=group)
            self.observer.report(Crashed("connection", group))

    async def _answer(self, stream: trio.SocketStream, arrival: Arrival) -> None:
        try:
            head = await read_head(stream)
        except BadRequest as error:
            log.debug("peer.failed", why=str(error))
            await _say(stream, Answer(error.status, {"error": f"bad request: {error}"}))
            return
        if head is None:
            return
        await trio.lowlevel.checkpoint_if_cancelled()  # it may have been asked to leave just before the head came
        arrival.reads_head = False
        answer = await self._route(head)
        if answer is not None:
            await _say(stream, answer, head.method)
            return
        await self._let_in(stream, head, arrival)

    async def _route(self, head: RequestHead) -> Answer | None:
        """The answer to a plain request, or None for a WebSocket that may come in."""
        answer: Answer | None = None
        match head.path:
            case "/ws":
                return self._refuse_upgrade(head)
            case "/" | "/health" | "/healthz":
                answer = ALIVE
            case "/readyz":
                answer = self.health.answer()
            case "/metrics" if self.metrics is not None:
                answer = await self.metrics()
            case "/favicon.ico":
                answer = Answer(HTTPStatus.NO_CONTENT)
            case _ if self.playground is not None:
                answer = self.playground.answer(head)
        if answer is None:
            return Answer(HTTPStatus.NOT_FOUND, {"error": "not found; the WebSocket is at /ws"})
        if head.method not in ("GET", "HEAD"):
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "use GET or HEAD"}, (("Allow", "GET, HEAD"),))
        return answer

    def _refuse_upgrade(self, head: RequestHead) -> Answer | None:
        if not head.is_upgrade:
            upgrade = (("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"))
            error = "connect with a WebSocket client (version 13, over HTTP/1.1)"
            return Answer(HTTPStatus.UPGRADE_REQUIRED, {"error": error}, upgrade)
        if self.health.draining or self.connect is None:
            reason = {"error": self.health.reason() or "starting"}
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, reason, (("Retry-After", "5"),))
        return None

    async def _let_in(self, stream: trio.SocketStream, head: RequestHead, arrival: Arrival) -> None:
        """Check the key, answer the handshake, find a slot; nothing the peer says is read before it has one."""
        door, peer = self.door, peer_of(stream, head, self.door.trusted_proxies)
        refused = _refused(head, door.keys)
        if refused is not None and self.throttle.blocks(peer, trio.current_time()):
            retry = (("Retry-After", str(math.ceil(self.throttle.window_s))),)
            await _say(stream, Answer(HTTPStatus.TOO_MANY_REQUESTS, {"error": "too many failed keys"}, retry))
            return
        try:
            model = "" if refused is not None else door.model
            handshake = agree(head, door.max_frame_bytes, compresses=door.compresses, model=model)
        except BadHandshake as error:
            await _say(stream, Answer(HTTPStatus.BAD_REQUEST, {"error": f"bad handshake: {error}"}))
            return
        wire = Wire(stream, head.rest, door.send_timeout_s)
        wire.push(handshake.response)
        if refused is not None:
            self.throttle.failed(peer, trio.current_time())
            with self._guest():
                await self._reject(wire, refused, door.close_unauthorized)
            return
        with self._guest():
            try:
                asked_at = trio.current_time()
                arrival.knocks = True
                async with self.slots.slot():
                    await trio.lowlevel.checkpoint_if_cancelled()  # the same, before the slot came
                    self.observer.report(SlotTaken(trio.current_time() - asked_at))
                    self.arrivals.settled(arrival)
                    await self._converse(WebSocket(wire, door.max_frame_bytes, handshake.deflate))
            except PeerProtocolError as problem:
                arrival.knocks = False
                await self._reject(wire, problem, SHUTDOWN[0] if self.health.draining else door.close_busy)
                await wire.finish()
                return
        await wire.finish()

    async def _send_off(self, stream: trio.SocketStream, arrival: Arrival) -> None:
        """It had to make room: it is told to come again. Without a word an honest client would see a broken server."""
        with self.arrivals.leaving():
            if arrival.reads_head:
                self._tell_rejected("crowded")
                await _say(stream, CROWDED)
            elif arrival.knocks:
                with self._guest():
                    wire = Wire(stream, send_timeout_s=self.door.send_timeout_s)
                    await self._reject(wire, no_slot(), self.door.close_busy)
                    await wire.finish()

    async def _reject(self, wire: Wire, problem: PeerProtocolError, code: int) -> None:
        self._tell_rejected(problem.reason_code)
        await turn_away(Unheard(wire), problem, code)

    def _tell_rejected(self, reason: str) -> None:
        """Counted each; a line a second at the most: strangers decide how many of them there are."""
        self.observer.report(ConnectionRejected(reason))
        self._untold += 1
        now = trio.current_time()
        if now - self._told_at >= REJECTIONS_EVERY_S:
            log.info("peer.rejected", reason=reason, since_last=self._untold)
            self._told_at, self._untold = now, 0

    async def _converse(self, socket: WebSocket) -> None:
        """One session behind the crash barrier: a bug in it costs this connection, and nothing else."""
        assert self.connect is not None, "connections are refused until there is somebody to talk to"
        connection = self.connect(socket)
        connection.log_context.adopt()  # for good: this task has no other connection
        self.connections.add(connection)
        log.info("session.opened", connections=len(self.connections))
        try:
            if self.health.draining:  # it began between the upgrade and here
                await turn_away(socket, shutting_down(), connection.closings[Hangup.SHUTDOWN][0])
                return
            with self.keep_alive.watching(socket):
                await connection.run()
        except* Exception as group:
            log.error("session.crashed", exc_info=group)
            self.observer.report(connection.crashed(group))
            await turn_away(socket, _internal_exception(), INTERNAL_CLOSE_CODE, connection.unfinished())
        finally:
            self.connections.discard(connection)
            log.info("session.closed", connections=len(self.connections), **connection.summary())


def closings(codes: Mapping[Hangup, tuple[int, str]]) -> dict[Hangup, tuple[int, str]]:
    """Close code and reason of every way to hang up; `codes` holds those that a deployment can set."""
    return {
        Hangup.CLIENT_REQUEST: (1000, "client_request"),
        Hangup.IDLE: (4000, "idle_timeout"),
        Hangup.SHUTDOWN: SHUTDOWN,
        Hangup.SLOW_CONSUMER: (1013, "slow_consumer"),
        Hangup.REFUSED: (1008, "refused"),
        Hangup.INTERNAL: (INTERNAL_CLOSE_CODE, "internal_error"),
        **codes,
    }


def _internal_exception() -> PeerProtocolError:
    message = "The server made a mistake and has to close this connection; connect again."
    return PeerProtocolError("internal_error", "internal_exception", message)


def _refused(head: RequestHead, keys: Sequence[Secret]) -> PeerProtocolError | None:
    try:
        check_keys(head, keys)
    except PeerProtocolError as problem:
        return problem
    return None


async def _say(stream: trio.SocketStream, answer: Answer, method: str = "GET") -> None:
    """Answer, and let the peer read it, in bounded time: a file over a slow line takes longer than its end."""
    wire = Wire(stream)
    wire.push(answer.encode(method))
    with trio.move_on_after(ANSWER_S):
        await wire.flush()
    await wire.finish()


__all__ = ["Door", "Server", "closings"]
