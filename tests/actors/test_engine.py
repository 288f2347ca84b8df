"""The engine's actor: admission, delivery, aborts that are confirmed or not, progress, and the death of an engine."""

from collections.abc import Sequence

import pytest
import trio
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.engine import EngineActor, EngineLimits, EngineState
from actors.generation import Generation, GenerationState
from actors.session.effects import AbortCause
from engines.base import (
    Aborted,
    Delta,
    Failed,
    Finished,
    FinishReason,
    GenerationRequest,
    Output,
    Sampling,
    Usage,
)
from engines.errors import EngineDead, EngineHung, EngineUnavailable, TurnFailed
from engines.scripted import Script, ScriptedEngine

LIMITS = EngineLimits(max_queued=100, cancel_grace_s=5, stall_timeout_s=10, hang_timeout_s=30)


@define
class Listener:
    """A session, as a generation needs it."""

    texts: list[str] = field(factory=list)
    flushes: int = 0

    def pour(self, _turn: int, text: str, _tokens: int) -> bool:
        self.texts.append(text)
        return True

    def flush(self) -> None:
        self.flushes += 1


@define(eq=False)
class Bench:
    """An actor with a scripted engine that steps only when told."""

    clock: MockClock = field(factory=MockClock)
    engine: ScriptedEngine = field(factory=lambda: ScriptedEngine(Script(reply=lambda _request: ["a", "b", "c"])))
    listener: Listener = field(factory=Listener)
    actor: EngineActor = field(init=False)
    numbers: int = 0

    def __attrs_post_init__(self) -> None:
        self.actor = EngineActor(LIMITS, clock=self.clock.current_time)

    async def open(self) -> None:
        info = await self.engine.open(self.actor.deliver, lambda _line: None)
        self.actor.attach(self.engine, info.max_running)
        self.actor.ready()

    def submit(self) -> Generation:
        self.numbers += 1
        request = GenerationRequest(id=f"g{self.numbers}", prompt_ids=[1, 2], sampling=Sampling(), max_tokens=8)
        return self.actor.submit(request, 1, self.listener, self.actor.reserve())


async def opened() -> Bench:
    bench = Bench()
    await bench.open()
    return bench


async def test_a_generation_brings_its_text_then_its_engine_true_usage() -> None:
    bench = await opened()
    generation = bench.submit()
    for _ in range(3):
        bench.engine.step()
    assert bench.listener.texts == ["a", "b", "c"]
    assert generation.state is GenerationState.FINISHED
    assert generation.finish_reason == "stop"
    assert generation.usage == Usage(2, 3, 0)
    assert bench.actor.running == 0


async def test_an_abort_reaches_the_engine_before_it_returns_and_is_counted_once() -> None:
    bench = await opened()
    generation = bench.submit()
    bench.actor.abort(generation, AbortCause.BARGE_IN)
    bench.actor.abort(generation, AbortCause.CANCEL)
    assert bench.engine.aborted == [generation.request.id]
    assert generation.state is GenerationState.ABORTED
    assert bench.actor.stats().aborts == {"barge_in": 1}
    assert bench.actor.stats().unconfirmed_aborts == 1
    bench.engine.step()
    assert bench.actor.stats().unconfirmed_aborts == 0


async def test_what_an_aborted_generation_still_says_is_not_heard() -> None:
    bench = await opened()
    generation = bench.submit()
    bench.actor.abort(generation, AbortCause.CANCEL)
    bench.actor.deliver([(generation.request.id, Delta("late", 1)), (generation.request.id, Aborted())])
    assert bench.listener.texts == []
    assert generation.usage.completion_tokens == 0


async def test_an_end_that_crosses_an_abort_confirms_it() -> None:
    bench = await opened()
    generation = bench.submit()
    bench.actor.abort(generation, AbortCause.CANCEL)
    bench.actor.deliver([(generation.request.id, Finished(FinishReason.STOP, Usage(2, 1)))])
    assert bench.actor.stats().unconfirmed_aborts == 0
    assert generation.state is GenerationState.ABORTED


async def test_an_abort_nobody_asked_for_is_an_engine_error() -> None:
    bench = await opened()
    generation = bench.submit()
    bench.actor.deliver([(generation.request.id, Aborted())])
    assert generation.state is GenerationState.FAILED
    assert isinstance(generation.failure, EngineDead)


async def test_a_failed_request_is_that_requests_affair() -> None:
    bench = await opened()
    broken, fine = bench.submit(), bench.submit()
    bench.actor.deliver([(broken.request.id, Failed(TurnFailed("no")))])
    assert (broken.state, fine.state) == (GenerationState.FAILED, GenerationState.RUNNING)


async def test_a_request_that_the_engine_did_not_take_is_not_alive() -> None:
    bench = await opened()
    bench.engine.die()
    with pytest.raises(EngineUnavailable):
        bench.submit()
    assert bench.actor.running == 0


async def test_the_death_of_an_engine_ends_all_of_its_generations() -> None:
    bench = await opened()
    generations = [bench.submit() for _ in range(3)]
    bench.actor.abort(generations[0], AbortCause.CANCEL)
    bench.actor.detach(EngineDead("gone"))
    assert [generation.state.value for generation in generations] == ["aborted", "failed", "failed"]
    assert all(generation.ended.is_set() for generation in generations)
    stats = bench.actor.stats()
    assert (stats.state, stats.running, stats.unconfirmed_aborts) == (EngineState.DOWN, 0, 0)


async def test_cached_tokens_that_only_a_delta_told_are_kept_in_the_usage() -> None:
    bench = await opened()
    generation = bench.submit()
    bench.actor.deliver([(generation.request.id, Delta("a", 1, 16))])
    bench.actor.deliver([(generation.request.id, Finished(FinishReason.LENGTH, Usage(2, 1, None)))])
    assert generation.usage == Usage(2, 1, 16)


async def test_no_output_makes_the_engine_stalled_and_then_hung(autojump_clock: MockClock) -> None:
    bench = Bench(autojump_clock)
    await bench.open()
    bench.submit()

    async def look_on() -> None:
        await trio.sleep(9.9)
        assert bench.actor.stats().state is EngineState.READY
        await trio.sleep(0.6)
        assert bench.actor.stats().state is EngineState.STALLED

    async def watch_and_look_on() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.actor.watch)
            nursery.start_soon(look_on)

    with pytest.raises(ExceptionGroup) as group:
        await watch_and_look_on()
    assert group.group_contains(EngineHung, match="no output for 30 s")
    assert 30 < trio.current_time() <= 30.5


async def test_output_ends_a_stall() -> None:
    bench = await opened()
    bench.submit()
    bench.actor._check(10.5)
    assert bench.actor.stats().state is EngineState.STALLED
    bench.engine.step()
    assert bench.actor.stats().state is EngineState.READY


async def test_an_idle_engine_is_never_stalled() -> None:
    bench = await opened()
    bench.actor._check(10_000)
    assert bench.actor.stats().state is EngineState.READY
    bench.clock.jump(10_000)
    bench.submit()
    bench.actor._check(bench.clock.current_time() + 9)
    assert bench.actor.stats().state is EngineState.READY


async def test_an_unconfirmed_abort_makes_the_engine_hung_after_the_grace() -> None:
    bench = await opened()
    generation, other = bench.submit(), bench.submit()
    bench.actor.abort(generation, AbortCause.CANCEL)
    bench.clock.jump(4.9)
    bench.actor.deliver([(other.request.id, Delta("still busy", 1))])
    bench.actor._check(bench.clock.current_time())
    bench.clock.jump(0.2)
    with pytest.raises(EngineHung, match="no confirmation of an abort"):
        bench.actor._check(bench.clock.current_time())


async def test_waiting_for_confirmations_ends_with_the_last_one() -> None:
    bench = await opened()
    for _ in range(3):
        bench.actor.abort(bench.submit(), AbortCause.CANCEL)
    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.actor.wait_aborts_confirmed)
            await wait_all_tasks_blocked()
            bench.engine.step()


async def test_the_next_try_is_told_in_whole_seconds_and_at_least_one() -> None:
    bench = await opened()
    assert bench.actor.retry_in() == 1
    bench.actor.next_try_at = bench.clock.current_time() + 3.2
    assert bench.actor.retry_in() == 4


@given(st.lists(st.tuples(st.sampled_from(["submit", "abort", "step", "fail", "end"]), st.integers(0, 5))))
def test_running_and_unconfirmed_sets_always_equal_the_engines(deeds: Sequence[tuple[str, int]]) -> None:
    async def play() -> None:
        bench = await opened()
        generations: list[Generation] = []
        for deed, which in deeds:
            one = generations[which % len(generations)] if generations else None
            match deed:
                case "submit":
                    generations.append(bench.submit())
                case "abort" if one is not None:
                    bench.actor.abort(one, AbortCause.CANCEL)
                case "step":
                    bench.engine.step()
                case "fail" | "end" if one is not None and one.request.id in bench.engine._requests:
                    del bench.engine._requests[one.request.id]
                    end: Output = (
                        Failed(TurnFailed("x")) if deed == "fail" else Finished(FinishReason.STOP, Usage(2, 0))
                    )
                    bench.actor.deliver([(one.request.id, end)])
            running = {each.request.id for each in generations if each.state is GenerationState.RUNNING}
            assert running == set(bench.engine._requests)
            assert bench.actor.running == len(running)
            assert bench.actor.stats().unconfirmed_aborts == len(bench.engine._confirm)
            assert all(each.ended.is_set() == (each.state is not GenerationState.RUNNING) for each in generations)
        assert sum(bench.actor.stats().aborts.values()) == len(bench.engine.aborted)

    trio.run(play)
