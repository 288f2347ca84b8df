"""One connection: a reader, a writer for what does not go out at once, an idle watch, and the session.

All of it lives in one nursery. Whatever ends first ends the rest: the session by closing its outbox, the client by
going away, the server by cancelling.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import trio
from attrs import define, field

from actors.channels import CLOSE_HANDSHAKE_S, LINGER_S
from actors.happenings import Crashed
from actors.log_context import LogContext, shown
from actors.session import events as ev
from actors.session.actor import SessionActor
from actors.session.effects import Hangup
from actors.session.errors import ClientTooSlow
from actors.session.gate import Gate
from actors.session.outbox import Line, Outbox
from actors.session.state import Phase
from engines.base import Usage
from protocol.errors import UNKNOWN_ID, PeerProtocolError
from protocol.frames import Address, error, usage

NOBODY = Address(UNKNOWN_ID, UNKNOWN_ID)


class Disconnected(Exception):
    """The WebSocket is closed: nothing more can be read or written."""


class Farewell(Protocol):
    """A WebSocket, as far as it takes to say goodbye."""

    async def send(self, frames: Sequence[bytes]) -> None:
        """Write text frames, JSON in UTF-8, and what is left of earlier ones.

        Raises `Disconnected`, or `ClientTooSlow` when the client takes nothing for too long.
        """

    async def close(self, code: int, reason: str) -> None:
        """Close with this code; waits for the peer's answer."""

    async def wait_closed(self) -> None:
        """Return when the peer has closed."""


class Socket(Farewell, Line, Protocol):
    """A WebSocket, as a connection needs it."""

    async def receive(self) -> str | bytes:
        """The next message. Raises `Disconnected`."""


@define(eq=False)
class Connection:
    """Ties a socket to a session. `closings`: close code and reason of each way to hang up. Times in seconds."""

    socket: Socket
    gate: Gate
    outbox: Outbox
    actor: SessionActor
    closings: Mapping[Hangup, tuple[int, str]]
    idle_timeout_s: float = 150.0
    clock: Callable[[], float] = trio.current_time
    _opened_at: float = field(init=False)
    _active_at: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._opened_at = self._active_at = self.clock()
        self.outbox.line = self.socket

    async def run(self) -> None:
        """Talk until one side is done. An exception in here is a bug: the barrier above logs it and closes."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.actor.run, name="session")
            nursery.start_soon(self._read, name="reader")
            if self.idle_timeout_s:
                nursery.start_soon(self._watch_idle, name="idle watch")
            await self._write()
            nursery.cancel_scope.cancel("the connection is closed")

    def drain(self) -> None:
        """The server shuts down: say goodbye once no turn is running."""
        with self.log_context.bound():
            self.actor.inbox.deliver(ev.DrainStarted())

    def expire(self) -> None:
        """The server's patience is over: say goodbye now."""
        with self.log_context.bound():
            self.actor.inbox.deliver(ev.DrainExpired())

    @property
    def log_context(self) -> LogContext:
        """The ids on every log line about this connection."""
        return self.actor.log_context

    def unfinished(self) -> tuple[Address, Usage] | None:
        """Ids and usage of an acked turn that has had no terminal frame; for the barrier, which owes it one."""
        return self.actor.unfinished

    def crashed(self, error: BaseException) -> Crashed:
        """What the barrier tells of an exception that ended this connection."""
        ids, unfinished = self.log_context, self.unfinished()
        request_id = None if unfinished is None else shown(unfinished[0].request_id)
        session_id = None if ids.session_id is None else shown(ids.session_id)
        return Crashed("session", error, ids.session, session_id, request_id)

    def summary(self) -> dict[str, object]:
        """What the closing log line says of this connection."""
        return {"turns": self.actor.reporter.turns, "seconds": round(self.clock() - self._opened_at, 1)}

    async def _read(self) -> None:
        try:
            while True:
                frame = await self.socket.receive()
                event = await self._event(frame)
                if event is not None:
                    self.actor.inbox.deliver(event)
        except Disconnected:
            self.actor.inbox.deliver(ev.ClientGone())

    async def _event(self, frame: str | bytes) -> ev.Event | None:
        now = self.clock()
        try:
            event = await self.gate.site.lanes.frame(self.gate.weight(frame), self.gate.read, frame, now)
        except PeerProtocolError as problem:
            if not problem.malformed:
                self._active_at = now
            return ev.FrameRefused(problem.bare())
        self._active_at = now
        return event

    async def _watch_idle(self) -> None:
        while self.actor.phase is not Phase.CLOSED:
            await trio.sleep_until(self._active_at + self.idle_timeout_s)
            await self.actor.wait_settled()
            if self.actor.phase is Phase.IDLE and self.clock() >= self._active_at + self.idle_timeout_s:
                self.actor.inbox.deliver(ev.IdleExpired())

    async def _write(self) -> None:
        """Send what waits until the session hangs up, then close. Returns when nothing more can be written."""
        outbox, too_slow = self.outbox, False
        try:
            while outbox.hangup is None or outbox.size or outbox.stuck:
                await outbox.wait()
                if outbox.hangup is Hangup.GONE:
                    return
                if outbox.hangup is Hangup.SLOW_CONSUMER:
                    break
                with trio.CancelScope() as outbox.sending:
                    await self.socket.send(outbox.take())
        except ClientTooSlow:
            too_slow = True
            self.actor.inbox.deliver(ev.ClientStalled())
        except Disconnected:
            self.actor.inbox.deliver(ev.ClientGone())
            return
        if outbox.hangup is not Hangup.GONE:
            # Who does not take the last that is said to him is closed for that, whatever was to be the reason.
            why = Hangup.SLOW_CONSUMER if too_slow else outbox.hangup or Hangup.SLOW_CONSUMER
            await hang_up(self.socket, *self.closings[why], lingers=outbox.lingers)


async def hang_up(socket: Farewell, code: int, reason: str, *, lingers: bool) -> None:
    """Close politely but in bounded time. `lingers`: an error was just sent, let the client read it first."""
    if lingers:
        with trio.move_on_after(LINGER_S):
            await socket.wait_closed()
    with trio.move_on_after(CLOSE_HANDSHAKE_S), suppress(Disconnected, ClientTooSlow):
        await socket.close(code, reason)


async def turn_away(
    socket: Farewell, problem: PeerProtocolError, code: int, unfinished: tuple[Address, Usage] | None = None
) -> None:
    """End a connection readably: an error frame, a short linger, the close.

    `unfinished`: ids and usage of a turn that ends with it; the error is its terminal frame then.
    """
    frame = error(NOBODY, problem)
    if unfinished is not None:
        address, used = unfinished
        frame = error(address, problem, usage(used.prompt_tokens, used.completion_tokens, used.cached_tokens))
    with trio.move_on_after(CLOSE_HANDSHAKE_S) as patience, suppress(Disconnected, ClientTooSlow):
        await socket.send([frame.encode()])
    if patience.cancelled_caught:
        return
    await hang_up(socket, code, problem.reason_code, lingers=True)


__all__ = ["Connection", "Disconnected", "Socket", "hang_up", "turn_away"]
