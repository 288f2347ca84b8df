"""Callers who talk, interrupt, cancel, hang up and leave, and who keep count of what they did and were told."""

import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio
from attrs import define, field
from trio_websocket import ConnectionClosed, HandshakeError

from engines import processes
from tests.e2e.breaking import START_S, readiness, vital
from tests.e2e.client import Client, Frame, connected, ends_turn
from tests.e2e.program import Program

PATIENCE_S = 120.0
PAUSE_S = 0.1
Wait = Callable[[], Awaitable[None]]
WALKS = ("hang up", "leave")
PARTINGS = (*WALKS, "listen")
"""What becomes of a session's last turn, by the caller's number: of several callers somebody does each."""


@define(eq=False)
class Tally:
    """What all callers saw. `tokens`: completion tokens by type of the terminal frame, and of cancelled ones by reason.

    `left`: turns that a caller walked away from in their middle, by how. `heard`: turns with at least one token.
    """

    accepted: int = 0
    ends: Counter[str] = field(factory=Counter)
    cancelled: Counter[str] = field(factory=Counter)
    left: Counter[str] = field(factory=Counter)
    tokens: Counter[str] = field(factory=Counter)
    prompt_tokens: int = 0
    heard: int = 0

    async def every_way(self, times: int) -> None:
        """Return when every way to end a turn early has been taken so often, however long that takes."""
        while min(*(self.cancelled[way] for way in ("enough", "barge_in")), *(self.left[way] for way in WALKS)) < times:
            await trio.sleep(PAUSE_S)

    async def more_turns(self, count: int) -> None:
        """Return when so many more turns than now have come to their end."""
        wanted = self.ends.total() + count
        while self.ends.total() < wanted:
            await trio.sleep(PAUSE_S)

    def end(self, frame: Frame) -> None:
        """A turn's terminal frame."""
        kind, payload = frame["type"], frame["payload"]
        self.ends[kind] += 1
        used = payload["usage"]
        self.tokens[kind] += used["completion_tokens"]
        if used["completion_tokens"]:
            self.prompt_tokens += used["prompt_tokens"]
        if kind == "cancelled":
            self.cancelled[payload["reason"]] += 1
            self.tokens[f"cancelled {payload['reason']}"] += used["completion_tokens"]


@define(eq=False)
class Caller:
    """One session after the other until `over`. Replies have to be long enough to be interrupted."""

    port: int
    number: int
    tally: Tally
    turns: int = 6
    over: trio.Event = field(factory=trio.Event)
    _dice: random.Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._dice = random.Random(self.number)

    async def run(self) -> None:
        """Call again and again."""
        session = 0
        while not self.over.is_set():
            session += 1
            with suppress(HandshakeError):  # the engine is down
                async with connected(self.port, session_id=f"s-{self.number}-{session}") as client:
                    await self._call(client)
            await trio.sleep(0.02)

    async def _call(self, client: Client) -> None:
        ways = ["listen", "listen", "cancel", "barge in"]
        for number in range(self.turns):
            if not await self._ask(client, number):
                return
            last = number == self.turns - 1 or self.over.is_set()
            way = PARTINGS[self.number % len(PARTINGS)] if last else self._dice.choice(ways)
            if not await self._first_token(client):
                await trio.sleep(0.5)  # it failed, or the engine is busy: a moment, then the next turn
            elif way == "listen":
                await self._rest(client)
            elif way == "cancel":
                await client.say("cancel", f"c-{number}", {"reason": "enough"})
                await self._rest(client)
            elif way == "barge in":
                continue  # the next message interrupts; the end of this turn comes before its ack
            else:
                await self._walk_away(client, way)
                return
            if last:
                return

    async def _ask(self, client: Client, number: int) -> bool:
        """Say something, and read up to its ack; whether it was taken."""
        if number == 0:
            await client.start(f"r-{number}", "tell me a story", sampling={"sanitize_output": False})
        else:
            await client.message(f"r-{number}")
        while True:
            frame = await self._frame(client)
            if frame["type"] == "ack":
                self.tally.accepted += 1
                return True

    async def _first_token(self, client: Client) -> bool:
        """Whether the turn brings a token; its end is read if not."""
        while True:
            frame = await self._frame(client)
            if frame["type"] == "token":
                self.tally.heard += 1
                return True
            if ends_turn(frame):
                return False

    async def _rest(self, client: Client) -> None:
        while not ends_turn(await self._frame(client)):
            pass

    async def _walk_away(self, client: Client, way: str) -> None:
        """In the middle of a reply."""
        if way == "leave":
            await client.say("end", "bye")
            with suppress(ConnectionClosed):
                while True:
                    frame = await self._frame(client)
                    if ends_turn(frame):
                        return  # it was complete before we had said so
        else:
            await trio.aclose_forcefully(client.socket._stream)
        self.tally.left[way] += 1

    async def _frame(self, client: Client) -> Frame:
        frame = await client.frame(PATIENCE_S)
        if ends_turn(frame) and not (frame["type"] == "cancelled" and frame["payload"]["turn"] is None):
            self.tally.end(frame)
        return frame


async def under_load(server: Program, tally: Tally, callers: int, before: Wait, after: Wait) -> None:
    """So many callers all the time; the engine is killed after `before`, serves again, and `after` is awaited."""
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        for number in range(callers):
            nursery.start_soon(Caller(server.port, number, tally, over=over).run)
        await before()
        processes.send(vital(server)[:1], signal.SIGKILL)
        await readiness(server, 503, 10)
        await readiness(server, 200, START_S)
        await after()
        over.set()


__all__ = ["Caller", "Tally", "under_load"]
