"""A session in the hands of the user, whichever event loop carries it."""

import contextlib
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .address import Endpoint
from .backend import Backend, Bell, FrameLink
from .backoff import dice
from .conversation import Conversation
from .errors import ConnectError, ConnectionLost, ProtocolFault, ServerError, SessionOver, TimedOut, YapError
from .events import Event, Failed, Lost
from .opening import Message, Sampling, Setup
from .records import TurnRecord
from .saying import Saying
from .turn import Turn

Trouble = (ServerError, ConnectError, ConnectionLost)
T = TypeVar("T")


class Session:
    """A talk with a server. Made by `connect`; `end` comes by itself where its block ends.

    Any number of tasks may use it. To say something while a turn runs interrupts that turn.
    """

    def __init__(self, backend: Backend, endpoint: Endpoint, setup: Setup, fresh: Callable[[str], str]) -> None:
        self.endpoint = endpoint
        self.setup = setup
        self.closed: ConnectionLost | ProtocolFault | None = None
        self._backend = backend
        self._core = Conversation(setup, fresh)
        self._bell = Bell(backend)
        self._link: FrameLink | None = None
        self._dialing = False
        self._over = False
        self._opened = False
        self._model = ""
        self._sent_at = 0.0

    def __repr__(self) -> str:
        return f"<Session {self.id or 'not connected'} at {self.endpoint.url}>"

    @property
    def id(self) -> str:
        """The session's id; "" while there is no connection, and another one after a reconnect."""
        return self._core.session_id

    @property
    def model(self) -> str:
        """What the server calls its chat model; "" if it does not say."""
        return self._model

    @property
    def history(self) -> tuple[Message, ...]:
        """What was said so far as it was heard, imported messages first: what another session would be told."""
        return self._core.history()

    def say(self, text: str, *, sampling: Sampling | None = None) -> Saying:
        """Say something and get the turn that answers it, once the server has taken it.

        `sampling` counts from this turn on. Where the connection has ended, another is opened first, with the history
        as it was heard. A turn whose connection ends is said again only if no ack of it came.
        Raises `ServerError`, `ConnectError`, `ConnectionLost`, `TimedOut`, `SessionOver`.
        """
        return Saying(self.stop_turn, self._say("message", text, sampling))

    def followup(self, analysis: str) -> Saying:
        """Tell what was seen on the screen, after a decision that asked for it. Needs the session it belongs to."""
        return Saying(self.stop_turn, self._say("followup", analysis, None))

    async def cancel(self, reason: str | None = None) -> None:
        """Stop whatever runs; does not wait for its end."""
        for record in list(self._core.open.values()):
            await self.stop(record, reason)

    async def ping(self) -> float:
        """Seconds until the server answered a JSON ping, which counts as activity. Raises `TimedOut`, `SessionOver`."""
        if self._link is None:
            raise self._gone()
        link, began = self._link, self._backend.now()
        request_id, frame = self._core.ping()
        await self._send(link, frame)
        await self._until(link, lambda: request_id not in self._core.pings, "pong")
        return self._backend.now() - began

    async def end(self) -> None:
        """Say goodbye: `end`, a short wait for `session_end`, the close handshake. Cannot fail."""
        self._over = True
        link = self._link
        if link is None:
            return
        with contextlib.suppress(YapError):
            await self._send(link, self._core.end())
            limit_s = self.setup.limits.close_s
            await self._bell.until(
                lambda: self._link is not link or self._core.farewell is not None, limit_s, "session_end"
            )
        await link.close()

    async def abort(self) -> None:
        """End the connection at once, without a word."""
        self._over = True
        if self._link is not None:
            await self._link.abort()

    async def open(self) -> None:
        """Connect, with as many attempts as the backoff allows. `connect` does it."""
        if self.setup.heartbeat_s is not None:
            self._backend.spawn(self._heartbeat)
        await self._persist(self._ready)
        self._opened = True

    async def stop(self, record: TurnRecord, reason: str | None = None) -> None:
        """Of `Floor`: send `cancel` if the turn runs."""
        record.given_up = True
        if self._link is not None and record.ending is None and record.request_id in self._core.open:
            with contextlib.suppress(YapError):  # the end of the turn comes from the reader, whichever it is
                await self._send(self._link, self._core.cancel(record, reason))

    async def stop_turn(self, turn: Turn) -> None:
        """Send `cancel` if the turn runs."""
        await self.stop(turn.record)

    def pause_before_again(self, record: TurnRecord, attempt: int, failed: Failed) -> float | None:
        """Of `Floor`: only what was never begun, and while nothing was said since."""
        if not self._wanted(record) or record.tokens or record.decision:
            return None
        return self.setup.backoff.pause_s(attempt, failed.error, dice())

    async def again(self, record: TurnRecord, pause_s: float, failed: Failed) -> None:
        """Of `Floor`: the turn once more, unless its time has gone by meanwhile."""
        await self._sleep(pause_s)
        link = self._link
        if link is None or not self._wanted(record):
            raise failed.error
        await self._send(link, self._core.again(record, self._backend.now()))
        try:
            await self._taken(link, record)
        except ConnectionLost as error:
            self._core.give_up(record, error, self._backend.now())
            raise

    def _wanted(self, record: TurnRecord) -> bool:
        return self._core.latest is record and not record.given_up and not self._over

    async def _say(self, kind: str, text: str, sampling: Sampling | None) -> Turn:
        if not text.strip():
            raise ValueError("there is nothing to say: the text is blank")
        record: TurnRecord | None = None
        turn: Turn | None = None

        async def once() -> Turn:
            nonlocal record, turn
            if self._link is None and kind == "followup":
                raise SessionOver("the session that this followup belongs to is gone: say it as a message")
            link = await self._ready()
            now = self._backend.now()
            if record is None or turn is None:
                record, frame = self._core.turn(kind, text, sampling, now)
                turn = Turn(self, record, self._backend, self.setup.wait_s)
            else:
                frame = self._core.again(record, now)
            await self._send(link, frame)
            await self._taken(link, record)
            return turn

        try:
            return await self._persist(once)
        except Trouble as error:
            if record is not None and isinstance(error, ConnectionLost):
                self._core.give_up(record, error, self._backend.now())
            raise
        except BaseException:  # nobody will have this turn
            if record is not None:
                await self.stop(record)
            raise

    async def _taken(self, link: FrameLink, record: TurnRecord) -> None:
        await self._until(link, lambda: bool(record.ack or record.ending), "ack")
        if record.ack is None and isinstance(record.ending, Failed):
            raise record.ending.error

    async def _until(self, link: FrameLink, true: Callable[[], bool], awaited: str) -> None:
        """Wait for something that needs this link. Raises `ConnectionLost`, `ProtocolFault`, `TimedOut`."""
        await self._bell.until(lambda: true() or self._link is not link, self.setup.wait_s, awaited)
        if not true():
            raise self._core.refusal or self.closed or self._gone()

    async def _persist(self, once: Callable[[], Awaitable[T]]) -> T:
        attempt = 1
        while True:
            try:
                return await once()
            except Trouble as error:
                pause_s = self.setup.backoff.pause_s(attempt, error, dice())
                if pause_s is None:
                    raise
            attempt += 1
            await self._sleep(pause_s)

    async def _ready(self) -> FrameLink:
        """The link, opened if there is none."""
        while self._link is None:
            if self._over or (self._opened and not self.setup.reconnect):
                raise self._gone()
            if self._dialing:
                await self._bell.until(lambda: not self._dialing, math.inf, "connection")
                continue
            self._dialing = True
            try:
                await self._dial()
            finally:
                self._dialing = False
                self._bell.ring()
        return self._link

    async def _dial(self) -> None:
        """One connection, and proof that the server has us: it says nothing by itself before we do."""
        link = await self._backend.dial(self.endpoint, self.setup.limits)
        self._core.connected()
        self._link = link
        self._model = link.headers.get("X-Model", "")
        self._backend.spawn(lambda: self._read(link))
        try:
            request_id, frame = self._core.ping()
            await self._send(link, frame)
            answered = self._answered(request_id)
            await self._bell.until(lambda: answered() or self._link is not link, self.setup.limits.connect_s, "pong")
            if self._link is not link or self._core.refusal is not None:
                raise self._core.refusal or self.closed or self._gone()
        except TimedOut as late:
            await self._leave(link)
            raise ConnectError(f"no usable connection to {self.endpoint.url}: {late}") from None
        except BaseException:
            await self._leave(link)
            raise

    def _answered(self, request_id: str) -> Callable[[], bool]:
        return lambda: request_id not in self._core.pings or self._core.refusal is not None

    async def _leave(self, link: FrameLink) -> None:
        if self._link is link:
            self._link_gone(ConnectionLost(1006))
        await link.abort()

    async def _read(self, link: FrameLink) -> None:
        error: ConnectionLost | ProtocolFault
        try:
            while True:
                self._happened(self._core.receive(await link.receive("frame", math.inf), self._backend.now()))
        except ConnectionLost as lost:
            error = lost
        except ProtocolFault as fault:
            error = fault
            await link.abort()
        if self._link is link:
            self._link_gone(error)

    def _happened(self, event: Event) -> None:
        if self.setup.observer is not None:
            self.setup.observer(event)
        self._bell.ring()

    def _link_gone(self, error: ConnectionLost | ProtocolFault) -> None:
        self._link, self.closed = None, error
        lost = Lost(request_id=self.id, at=self._backend.now(), error=error)
        self._core.lost(error, lost.at)
        self._happened(lost)

    def _gone(self) -> SessionOver:
        why = "it was ended" if self._over else str(self.closed or "it was never connected")
        return SessionOver(f"the session is over: {why}")

    async def _send(self, link: FrameLink, frame: str) -> None:
        self._sent_at = self._backend.now()
        await link.send(frame)

    async def _sleep(self, seconds: float) -> None:
        await self._backend.wait(self._backend.signal(), seconds)

    async def _heartbeat(self) -> None:
        period_s = self.setup.heartbeat_s
        assert period_s is not None
        while not self._over:
            await self._sleep(max(0.0, self._sent_at + period_s - self._backend.now()))
            link = self._link
            if link is None:
                await self._sleep(period_s)
            elif self._backend.now() - self._sent_at >= period_s:
                request_id, frame = self._core.ping()
                self._core.pings.discard(request_id)  # protocol pings watch over the connection
                with contextlib.suppress(YapError):
                    await self._send(link, frame)


__all__ = ["Session"]
