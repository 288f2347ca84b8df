"""What callers do all day, drawn from a seeded source: whole talks, and every way to leave one."""

import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import trio
from attrs import define, field

from tooling.benchmarks.endurance.sampling import Book
from tooling.benchmarks.endurance.slow import Hung, listen_slowly
from tooling.yap_client.errors import YapError
from tooling.yap_client.events import Cancelled, Done, Lost
from tooling.yap_client.opening import Message
from tooling.yap_client.over_trio import connect
from tooling.yap_client.session import Session
from tooling.yap_client.turn import Turn

PROMPT = "You are a kind and cheerful friend. You answer in a few short sentences."
LINES = (
    "Hello, how are you?",
    "Tell me a long story, please.",
    "What did you do today?",
    "Do you like music?",
    "It rains here all day.",
    "Tell me a joke.",
    "I like long walks by the river.",
)
TURNS = (2, 6)
LONG = (20, 60)
"""Exchanges of a history that is handed in; the longest are trimmed by the server."""
CUT_AFTER = (1, 12)
"""Pieces of text that are heard before the caller does something else."""
PATIENCE_S = 90.0
WEIGHTS = {"talk": 10, "vanish": 3, "slow reader": 2, "reconnect": 2, "long history": 2}
IN_A_TALK = {"listen": 6, "barge in": 3, "cancel": 3}


@define(eq=False)
class Caller:
    """One after the other, for ever. `pause_s`: the longest between two turns, and between two calls."""

    port: int
    key: str
    book: Book
    pause_s: float
    chance: random.Random = field(repr=False)

    async def run(self) -> None:
        """Call until cancelled."""
        await self._wait()
        while True:
            (way,) = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
            await self._call(way)
            await self._wait()

    async def each_once(self) -> None:
        """Every way, one after the other."""
        for way in WEIGHTS:
            await self._call(way)

    async def _call(self, way: str) -> None:
        """What goes wrong is written down."""
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            "talk": self._talk,
            "vanish": self._vanish,
            "slow reader": self._read_slowly,
            "reconnect": self._reconnect,
            "long history": self._remember,
        }
        self.book.did[way] += 1
        try:
            await ways[way]()
        except (YapError, Hung, OSError, trio.BrokenResourceError) as error:
            self.book.troubles[f"{way}: {type(error).__name__}: {error}"] += 1

    async def _talk(self) -> None:
        async with self._session() as session:
            await self._turns(session, self.chance.randint(*TURNS))

    async def _vanish(self) -> None:
        async with self._session() as session:
            turn = await session.say(self._line())
            await self._hear(turn, self._pieces())
            await session.abort()
            self.book.ends["vanished from"] += 1

    async def _read_slowly(self) -> None:
        done = await listen_slowly(self.port, self.key, self._line(), self.chance)
        self.book.ends["done" if done else "not done, read slowly"] += 1

    async def _reconnect(self) -> None:
        async with self._session() as session:
            await self._turns(session, 2)
            await session.abort()
            history = session.history
        async with self._session(history) as session:
            await self._turns(session, 1)

    async def _remember(self) -> None:
        history: list[Message] = []
        for _ in range(self.chance.randint(*LONG)):
            history += [Message("user", self._line()), Message("assistant", f"I see. {self._line()}")]
        async with self._session(tuple(history)) as session:
            await self._turns(session, 2)

    def _session(self, history: tuple[Message, ...] = ()) -> AbstractAsyncContextManager[Session]:
        address = f"ws://127.0.0.1:{self.port}/ws"
        return connect(address, key=self.key, prompt=PROMPT, history=history, wait_s=PATIENCE_S)

    async def _turns(self, session: Session, count: int) -> None:
        cut: Turn | None = None
        for _ in range(count):
            turn = await session.say(self._line())
            if cut is not None:
                self._ended(cut)
                cut = None
            (then,) = self.chance.choices(list(IN_A_TALK), list(IN_A_TALK.values()))
            self.book.did[then] += 1
            if then == "listen":
                await self._hear(turn, None)
                self._ended(turn)
                await self._wait()
                continue
            await self._hear(turn, self._pieces())
            turn.heard(len(turn.so_far) // 2)
            if then == "cancel":
                await turn.cancel()
                self._ended(turn)
                await self._wait()
            else:
                cut = turn
        if cut is not None:
            await cut.reply()
            self._ended(cut)

    async def _hear(self, turn: Turn, pieces: int | None) -> None:
        """So many pieces of text, or all there are."""
        heard = 0
        async for _ in turn.text():
            heard += 1
            if heard == pieces:
                break

    def _ended(self, turn: Turn) -> None:
        """Write a turn down that has ended, or is just about to: its end comes before what interrupted it is acked."""
        ending = turn.ending
        kind = {Done: "done", Cancelled: "cancelled", Lost: "lost"}.get(type(ending), "not ended")
        self.book.ends[kind] += 1
        self.book.heard(turn.ttft_s, [token.at for token in turn.record.tokens])

    async def _wait(self) -> None:
        await trio.sleep(self.chance.uniform(0.1, 1.0) * self.pause_s)

    def _line(self) -> str:
        return self.chance.choice(LINES)

    def _pieces(self) -> int:
        return self.chance.randint(*CUT_AFTER)


__all__ = ["Caller"]
