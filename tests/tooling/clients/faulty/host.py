"""A stand-in that behaves as it is told: a good server in all that a fault does not say otherwise."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import trio
from attrs import define, field, frozen

from tests.tooling.clients.faulty.steps import Close, Say, Step, good, play
from tests.tooling.clients.faulty.wire import Frame, Gone, Wire

IDLE_S = 30.0
NOBODY: Frame = {"session_id": "unknown", "request_id": "unknown"}
Door = Callable[[trio.SocketStream], Awaitable[None]]
Answer = Callable[[Frame], list[Step]]


def stop(frame: Frame, request_id: str | None = None) -> list[Step]:
    """The answer to a cancel that stops a turn."""
    payload = {"reason": "client_request", "turn": frame["request_id"], "usage": {}}
    return [Say("cancelled", payload, request_id=request_id)]


def nothing_to_stop(_frame: Frame) -> list[Step]:
    """The answer to a cancel when nothing runs."""
    return [Say("cancelled", {"reason": "not_running", "turn": None, "usage": None})]


def pong(_frame: Frame) -> list[Step]:
    """The answer to a ping."""
    return [Say("pong")]


def goodbye(_frame: Frame) -> list[Step]:
    """The answer to `end`."""
    return [Say("session_end", {"reason": "client_request"}), Close()]


@frozen(kw_only=True)
class Manners:
    """What a stand-in does at each occasion. `first`: as soon as somebody is connected. `barges`: what the turn that is
    interrupted gets. `goes_on`: a cancel stops no turn. `idle_s`: of silence, before `idle`.
    """

    first: tuple[Step, ...] = ()
    turn: Answer = good
    cancel: Answer = stop
    repeat: Answer = nothing_to_stop
    ping: Answer = pong
    end: Answer = goodbye
    goes_on: bool = False
    idle_s: float = IDLE_S
    idle: tuple[Step, ...] = (Close(4000, "idle_timeout"),)
    pongs: bool = True
    drips: bool = False


@define(eq=False)
class Visit:
    """One client's connection. `seen`: the frames it sent, and `seen_at` when, in seconds of trio's clock."""

    manners: Manners
    wire: Wire
    seen: list[Frame] = field(factory=list)
    seen_at: list[float] = field(factory=list)
    _running: dict[str, trio.CancelScope] = field(init=False, factory=dict)
    _heard_at: float = field(init=False, factory=trio.current_time)

    async def run(self) -> None:
        """Until one of us leaves."""
        await self.wire.accept()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._idle)
            nursery.start_soon(self._play, list(self.manners.first), NOBODY)
            try:
                async for frame in self.wire.frames():
                    self._heard_at = trio.current_time()
                    self.seen.append(frame)
                    self.seen_at.append(self._heard_at)
                    nursery.start_soon(self._answer, frame)
            except Gone:
                nursery.cancel_scope.cancel()

    async def _answer(self, frame: Frame) -> None:
        manners, kind = self.manners, frame["type"]
        if kind == "cancel" and frame["request_id"] in self._running:
            if not manners.goes_on:
                self._running.pop(frame["request_id"]).cancel()
            await self._play(manners.cancel(frame), frame)
        elif kind in ("cancel", "ping", "end"):
            answer = {"cancel": manners.repeat, "ping": manners.ping, "end": manners.end}[kind]
            await self._play(answer(frame), frame)
        else:
            with trio.CancelScope() as scope:
                self._running[frame["request_id"]] = scope
                await self._play(manners.turn(frame), frame)
            self._running.pop(frame["request_id"], None)
            self._heard_at = trio.current_time()

    async def _play(self, steps: list[Step], about: Frame) -> None:
        try:
            await play(self.wire, steps, about)
        except Gone:
            return

    async def _idle(self) -> None:
        while self._running or trio.current_time() < self._heard_at + self.manners.idle_s:
            await trio.sleep_until(max(self._heard_at + self.manners.idle_s, trio.current_time() + 1.0))
        await self._play(list(self.manners.idle), NOBODY)


@define
class Host:
    """A listening stand-in. `visits`: every connection there was."""

    url: str
    visits: list[Visit] = field(factory=list)


@asynccontextmanager
async def hosting(manners: Manners | Door) -> AsyncIterator[Host]:
    """Serve on a free loopback port until the block ends. A door is a server that is not even that: it gets the TCP
    connection as it is.
    """
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    host = Host(f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/ws")
    async with trio.open_nursery() as nursery:
        door = partial(_visit, host, manners) if isinstance(manners, Manners) else partial(_at, manners)
        nursery.start_soon(trio.serve_listeners, door, listeners)
        yield host
        nursery.cancel_scope.cancel()


async def _visit(host: Host, manners: Manners, stream: trio.SocketStream) -> None:
    host.visits.append(Visit(manners, Wire(stream, manners.pongs, manners.drips)))
    try:
        await host.visits[-1].run()
    except Gone:
        return


async def _at(door: Door, stream: trio.SocketStream) -> None:
    try:
        await door(stream)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return


__all__ = ["IDLE_S", "NOBODY", "Door", "Host", "Manners", "Visit", "hosting", "nothing_to_stop", "pong", "stop"]
