"""The chat engine's actor on a stage: its mailbox is served, turns are exchanges, the engine steps only when told."""

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.engine import EngineActor, EngineLimits, EngineState, Exchange
from actors.generation import Generation
from engines.base import GenerationRequest, Sampling
from engines.errors import EngineUnavailable
from engines.scripted import Script, ScriptedEngine

LIMITS = EngineLimits(max_queued=100, cancel_grace_s=5, stall_timeout_s=10, hang_timeout_s=30)
WORDS = ["a", "b", "c"]
SMALL = 3


@define
class Listener:
    """A session, as a generation needs it."""

    texts: list[str] = field(factory=list)

    def pour(self, _turn: int, text: str, _tokens: int, _now: float) -> None:
        """Remember it."""
        self.texts.append(text)


@define(eq=False)
class Stage:
    """An actor before one scripted engine after the other. Time is `clock`'s, which stands still unless told."""

    limits: EngineLimits = LIMITS
    max_running: int = 8
    clock: MockClock = field(factory=MockClock)
    listener: Listener = field(factory=Listener)
    actor: EngineActor = field(init=False)
    engine: ScriptedEngine = field(init=False)
    numbers: int = 0

    def __attrs_post_init__(self) -> None:
        self.actor = EngineActor(self.limits, clock=self.clock.current_time)

    async def attach(self) -> None:
        """A new engine that is not warm yet."""
        self.engine = ScriptedEngine(Script(max_running=self.max_running, reply=lambda _request: list(WORDS)))
        info = await self.engine.open(self.actor.deliver, lambda _line: None)
        self.actor.attach(self.engine, info.max_running)

    async def open(self) -> None:
        """A new engine that takes turns."""
        await self.attach()
        self.actor.ready()

    def request(self) -> GenerationRequest:
        """The next one."""
        self.numbers += 1
        return GenerationRequest(id=f"g{self.numbers}", prompt_ids=[1, 2], sampling=Sampling(), max_tokens=8)

    def exchange(self) -> Exchange:
        """A turn that has said nothing yet."""
        return Exchange(self.actor.mailbox, self.clock.current_time)

    async def admitted(self) -> Exchange:
        """A turn with a place. Raises like `Exchange.admit`."""
        exchange = self.exchange()
        await exchange.admit()
        return exchange

    def submit(self, exchange: Exchange) -> Generation:
        """The turn's request, on its way."""
        return exchange.submit(self.request(), 1, self.listener)

    async def submitted(self) -> tuple[Exchange, Generation]:
        """A turn whose request the engine has."""
        exchange = await self.admitted()
        generation = self.submit(exchange)
        await settle()
        return exchange, generation

    def stall(self) -> None:
        """The engine is stopped."""
        self.engine.stopped = "stopped by a signal"
        self.actor.watch.check(self.clock.current_time())
        assert self.actor.state is EngineState.STALLED

    def recover(self) -> None:
        """The engine goes on."""
        self.engine.stopped = None
        self.actor.watch.check(self.clock.current_time())


async def opened(nursery: trio.Nursery, stage: Stage | None = None) -> Stage:
    """A stage with a warm engine, whose actor runs in this nursery."""
    stage = stage or Stage()
    nursery.start_soon(stage.actor.run)
    await stage.open()
    return stage


async def settle() -> None:
    """Let every message arrive."""
    with trio.fail_after(5):
        await wait_all_tasks_blocked()


async def expect_unavailable(exchange: Exchange) -> None:
    """The engine is not to be had now."""
    with pytest.raises(EngineUnavailable):
        await exchange.admit()


def small_stage() -> Stage:
    """A stage with places for `SMALL` turns: two that run, one that waits."""
    return Stage(EngineLimits(max_queued=1, stall_timeout_s=10, hang_timeout_s=30), max_running=SMALL - 1)


__all__ = ["LIMITS", "SMALL", "WORDS", "Listener", "Stage", "expect_unavailable", "opened", "settle", "small_stage"]
