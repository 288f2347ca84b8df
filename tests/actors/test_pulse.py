"""Signs of a stall: a stopped process, an idle engine that does not answer, silence; and what makes none."""

import pytest
import trio
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from actors.engine import ANSWER_S, HEARTBEAT_S, EngineActor, EngineLimits, EngineState
from actors.generation import Generation
from actors.pulse import Pulse
from actors.session.effects import AbortCause
from engines.base import Delta, Finished, FinishReason, GenerationRequest, Sampling, Usage
from engines.errors import EngineHung
from engines.scripted import Script, ScriptedEngine

LIMITS = EngineLimits(cancel_grace_s=5, stall_timeout_s=10, hang_timeout_s=30)
READINESS_FALLS_WITHIN_S = 5.0


@define
class Nobody:
    """Hears nothing."""

    def pour(self, _turn: int, _text: str, _tokens: int) -> bool:
        return False

    def flush(self) -> None:
        pass


@define(eq=False)
class Bench:
    """An actor that watches a scripted engine, in virtual time; the engine steps only when told."""

    engine: ScriptedEngine = field(factory=lambda: ScriptedEngine(Script(reply=lambda _request: ["a", "b", "c"])))
    actor: EngineActor = field(factory=lambda: EngineActor(LIMITS))

    async def open(self, nursery: trio.Nursery) -> None:
        info = await self.engine.open(self.actor.deliver, lambda _line: None)
        self.actor.attach(self.engine, info.max_running)
        self.actor.ready()
        nursery.start_soon(self.actor.watch)
        nursery.start_soon(self.actor.heartbeat)

    def submit(self, name: str = "g") -> Generation:
        request = GenerationRequest(id=name, prompt_ids=[1, 2, 3, 4], sampling=Sampling(), max_tokens=8)
        if self.actor.state is EngineState.DOWN:
            return self.actor.try_out(request, 1, Nobody())
        return self.actor.submit(request, 1, Nobody(), self.actor.reserve())

    async def until(self, state: EngineState) -> float:
        """Seconds until the actor is in this state."""
        began = trio.current_time()
        with trio.fail_after(100):
            while self.actor.state is not state:
                await trio.sleep(0.05)
        return trio.current_time() - began


async def test_a_stopped_process_is_a_stall_at_once_and_none_once_it_goes_on(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    bench = Bench()
    await bench.open(nursery)
    bench.engine.stopped = "process 7 is stopped"
    assert await bench.until(EngineState.STALLED) < 0.5
    assert bench.actor.trouble == "process 7 is stopped"
    bench.engine.stopped = None
    assert await bench.until(EngineState.READY) < 0.5
    assert bench.actor.trouble is None


async def test_what_a_stopped_engine_still_had_to_say_does_not_make_it_ready(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    bench = Bench()
    await bench.open(nursery)
    bench.submit()
    bench.engine.stopped = "stopped"
    await bench.until(EngineState.STALLED)
    bench.actor.deliver([("g", Delta("late", 1))])
    assert bench.actor.state is EngineState.STALLED


async def test_an_engine_that_stays_stopped_is_hung_even_when_idle(autojump_clock: MockClock) -> None:
    bench = Bench()
    with pytest.RaisesGroup(pytest.RaisesExc(EngineHung, match="stopped; given up after 30 s")):
        async with trio.open_nursery() as nursery:
            await bench.open(nursery)
            bench.engine.stopped = "stopped"
    assert 30 < trio.current_time() < 31


async def test_an_idle_engine_that_does_not_answer_is_stalled_within_five_seconds_and_ready_when_it_answers(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    bench = Bench()
    await bench.open(nursery)
    await trio.sleep(7.3)
    bench.engine.mute = True
    assert await bench.until(EngineState.STALLED) < READINESS_FALLS_WITHIN_S
    assert "no answer for" in str(bench.actor.trouble)
    bench.engine.mute = False
    assert await bench.until(EngineState.READY) < HEARTBEAT_S + ANSWER_S


async def test_an_idle_engine_that_never_answers_is_hung(autojump_clock: MockClock) -> None:
    bench = Bench()
    bench.engine.mute = True
    with pytest.RaisesGroup(pytest.RaisesExc(EngineHung, match="no answer for 30 s")):
        async with trio.open_nursery() as nursery:
            await bench.open(nursery)


async def test_a_busy_engine_need_not_answer(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    bench = Bench()
    await bench.open(nursery)
    bench.submit()
    bench.engine.mute = True
    for _ in range(20):
        await trio.sleep(8)
        bench.actor.deliver([("g", Delta("x", 1))])
        assert bench.actor.state is EngineState.READY


async def test_a_question_that_was_on_its_way_when_work_came_proves_nothing(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    bench = Bench()
    await bench.open(nursery)
    bench.engine.mute = True
    await trio.sleep(HEARTBEAT_S + 1)
    bench.submit()
    for _ in range(3):
        bench.engine.step()
    await trio.sleep(ANSWER_S - 0.5)
    assert bench.actor.running == 0
    assert bench.actor.state is EngineState.READY


async def test_the_prefix_caches_hits_are_counted_for_what_clients_got(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    bench = Bench()
    info = await bench.engine.open(bench.actor.deliver, lambda _line: None)
    bench.actor.attach(bench.engine, info.max_running)

    def served(name: str, cause: AbortCause | None, cached: int | None) -> None:
        generation = bench.submit(name)
        bench.actor.deliver([(name, Delta("x", 1, cached))])
        if cause is None:
            bench.actor.deliver([(name, Finished(FinishReason.STOP, Usage(4, 1, cached)))])
        else:
            bench.actor.abort(generation, cause)

    served("warm-up", None, 4)
    bench.actor.ready()
    served("whole", None, 3)
    served("interrupted", AbortCause.BARGE_IN, 2)
    served("unknown", None, None)
    served("discarded", AbortCause.SPECULATION, 4)
    bench.actor.abort(bench.submit("never-began"), AbortCause.CANCEL)
    stats = bench.actor.stats()
    assert (stats.prompt_tokens, stats.cached_tokens) == (12, 5)


times = st.none() | st.floats(0, 100)
pulses = st.builds(
    Pulse, moved_at=st.floats(0, 100), stopped_at=times, stopped_because=st.just("stopped"), mute_since=times
)


@given(pulses, st.floats(100, 200), st.integers(0, 3), st.floats(0.1, 60))
def test_there_is_trouble_exactly_when_there_is_a_sign_of_it(
    pulse: Pulse, now: float, pending: int, patience_s: float
) -> None:
    signs = [at for at in (pulse.stopped_at, pulse.mute_since) if at is not None]
    silent = bool(pending) and now - pulse.moved_at > patience_s
    assert (pulse.trouble(now, pending, patience_s) is not None) == (bool(signs) or silent)
    assert pulse.since(pending) == min([*signs, *([pulse.moved_at] if pending else [])], default=None)
