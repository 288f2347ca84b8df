"""A session with the server on the library's link: protocol pings, bounded waits, every frame checked."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial

import trio
from attrs import define, field, frozen
from trio import TASK_STATUS_IGNORED as IGNORED

from tooling.clients.failures import ClientError, ConnectionLost, NoConnection, ProtocolBreach, TimedOut
from tooling.clients.session.checks import FrameChecks, shortened
from tooling.yap_client import errors
from tooling.yap_client.address import Endpoint
from tooling.yap_client.limits import LinkLimits
from tooling.yap_client.trio_link import Link, dial
from tooling.yap_client.wire import Incoming, decode, encode

Note = Callable[[str], None]
DEMO_MODEL = "demo-"
"""How the names of our small demo models begin, for which a usual persona is too long."""
PAUSES_S = (0.5, 1.0)  # between the three attempts to connect
CONNECT_TIMEOUT_S = 10.0
END_TIMEOUT_S = 2.0
MAX_MESSAGE_BYTES = 1 << 20
# Reading stops, and pings go unanswered, when this many messages wait: more than any reply has tokens.
MESSAGE_QUEUE = 4096


@frozen(kw_only=True)
class Limits:
    """Bounds of every wait, in seconds. `receive_s`: the longest wait for the next frame."""

    receive_s: float = 60.0
    ping_interval_s: float = 20.0
    ping_timeout_s: float = 20.0


class Connection:
    """A session with the server. `checks` sees every frame; with `lenient` a breach is only noted.

    `frames`: how many came, those of unknown types too, which `receive` does not return.
    """

    def __init__(self, link: Link, client: str, limits: Limits, *, note: Note, lenient: bool = False) -> None:
        self.session_id = f"{client}-{uuid.uuid4()}"
        self.checks = FrameChecks(self.session_id)
        self.limits = limits
        self.acked = False
        self.closed: ConnectionLost | None = None
        self.frames = 0
        self._link = link
        self._note = note
        self._lenient = lenient
        self._unknown: set[str] = set()
        self._ending = False

    @property
    def model(self) -> str:
        """What the server calls its chat model; "" if it does not say."""
        return self._link.headers.get("X-Model", "")

    @property
    def is_demo(self) -> bool:
        """Whether that is one of our small demo models, by how their names begin."""
        return self.model.startswith(DEMO_MODEL)

    async def send(self, kind: str, payload: Mapping[str, object], request_id: str | None = None) -> str:
        """Write one frame and return its request id. A closed connection shows at the next `receive`, not here."""
        chosen = request_id or f"{kind}-{uuid.uuid4()}"
        self.checks.sent(kind, chosen)
        with contextlib.suppress(errors.ConnectionLost):  # what the server said before it closed is still to be read
            try:
                await self._link.send(encode(kind, self.session_id, chosen, payload))
            except errors.TimedOut as late:
                raise TimedOut(str(late)) from None
        return chosen

    async def receive(self, awaited: str, timeout_s: float | None = None) -> Incoming:
        """The next frame. Raises `TimedOut` naming what was awaited, `ConnectionLost`, `ProtocolBreach`."""
        limit = self.limits.receive_s if timeout_s is None else timeout_s
        while True:
            message = await self._message(awaited, limit)
            self.frames += 1
            try:
                frame = decode(message, trio.current_time())
            except errors.ProtocolFault as fault:
                raise ProtocolBreach(str(fault)) from None
            if self._known(frame):
                self.acked = self.acked or frame.type == "ack"
                return frame

    async def end(self) -> ProtocolBreach | None:
        """Say goodbye, within a limit and whatever happened before; returns a breach that came to light by it.

        What is still under way of a turn arrives before the server's answer: also a frame that no turn may have.
        """
        breach: ProtocolBreach | None = None
        with trio.move_on_after(END_TIMEOUT_S):
            while self.closed is None:
                try:
                    if not self._ending:
                        self._ending = True
                        await self.send("end", {})
                    await self.receive("session_end")
                except ProtocolBreach as found:
                    breach = breach or found
                except ClientError:
                    break
        return breach

    async def _message(self, awaited: str, limit_s: float) -> str | bytes:
        try:
            return await self._link.receive(awaited, limit_s)
        except errors.TimedOut as late:
            raise TimedOut(str(late)) from None
        except errors.ConnectionLost as lost:
            if lost.no_pong:
                raise TimedOut(f"no pong within {self.limits.ping_timeout_s:g} s") from None
            self.closed = ConnectionLost(lost.code, lost.reason)
            if lost.breach:
                raise ProtocolBreach(f"the server sent what no connection may carry: {lost.reason}") from None
            raise self.closed from None

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
            self._note(f"unknown frame type {shortened(frame.type)} ignored")
        return known


@contextlib.asynccontextmanager
async def connected(
    endpoint: Endpoint, client: str, limits: Limits, *, note: Note, lenient: bool = False
) -> AsyncIterator[Connection]:
    """Connect (three attempts), yield the connection, say goodbye, also when cancelled.

    Raises `NoConnection`, and `ProtocolBreach` for what only the goodbye brought to light; errors inside stay bare.
    """
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        hold = _Hold(partial(Connection, client=client, limits=limits, note=note, lenient=lenient))
        connection = await nursery.start(hold.run, endpoint, limits)
        try:
            if connection is not None:
                yield connection
        except trio.Cancelled:
            raise
        except BaseException as error:  # carried past the nursery, which would wrap it in a group
            failure = error
        finally:
            hold.left.set()
    failure = failure or hold.failure
    if failure is not None:
        raise failure


@define
class _Hold:
    """Keeps a connection until it is left, and says goodbye: in a task of its own, which outlives a cancelled user.

    `failure`: why there was no connection, or the breach that the goodbye brought to light.
    """

    make: Callable[[Link], Connection]
    left: trio.Event = field(factory=trio.Event)
    failure: ClientError | None = None

    async def run(
        self, endpoint: Endpoint, limits: Limits, task_status: trio.TaskStatus[Connection | None] = IGNORED
    ) -> None:
        async with trio.open_nursery() as nursery:
            try:
                link = await _dial(nursery, endpoint, limits)
            except NoConnection as error:
                self.failure = error
                task_status.started(None)
                return
            connection = self.make(link)
            nursery.cancel_scope.shield = True  # from here on every wait has a limit
            task_status.started(connection)
            await self.left.wait()
            self.failure = await connection.end()
            await link.close()
            nursery.cancel_scope.cancel()


async def _dial(nursery: trio.Nursery, endpoint: Endpoint, limits: Limits) -> Link:
    bounds = LinkLimits(
        connect_s=CONNECT_TIMEOUT_S,
        close_s=END_TIMEOUT_S,
        ping_interval_s=limits.ping_interval_s,
        ping_timeout_s=limits.ping_timeout_s,
        max_frame_bytes=MAX_MESSAGE_BYTES,
        max_waiting=MESSAGE_QUEUE,
    )
    for pause in (*PAUSES_S, None):
        try:
            return await dial(nursery, endpoint, bounds)
        except errors.ConnectError as error:
            if pause is None:
                raise NoConnection(str(error)) from None
            await trio.sleep(pause)
    raise AssertionError("unreachable")


__all__ = ["Connection", "Limits", "Note", "connected"]
