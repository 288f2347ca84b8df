"""Signs of a stall: a stopped process, an idle engine that does not answer, silence; and what makes none."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from actors.engine import EngineState
from actors.engine.pulse import Pulse
from actors.engine.watch import ANSWER_S, HEARTBEAT_S
from engines.base import Delta
from engines.errors import EngineHung
from tests.actors.engine_stage import Stage, opened

READINESS_FALLS_WITHIN_S = 5.0


async def watched(nursery: trio.Nursery, stage: Stage) -> None:
    """A warm engine, and the watch over it."""
    await opened(nursery, stage)
    nursery.start_soon(stage.actor.watch.run)
    nursery.start_soon(stage.actor.watch.heartbeat)


async def until(stage: Stage, state: EngineState) -> float:
    """Seconds until the actor is in this state."""
    began = trio.current_time()
    with trio.fail_after(100):
        while stage.actor.state is not state:
            await trio.sleep(0.05)
    return trio.current_time() - began


async def test_a_stopped_process_is_a_stall_at_once_and_none_once_it_goes_on(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    stage = Stage(clock=autojump_clock)
    await watched(nursery, stage)
    stage.engine.stopped = "process 7 is stopped"
    assert await until(stage, EngineState.STALLED) < 0.5
    assert stage.actor.trouble == "process 7 is stopped"
    stage.engine.stopped = None
    assert await until(stage, EngineState.READY) < 0.5
    assert stage.actor.trouble is None


async def test_what_a_stopped_engine_still_had_to_say_does_not_make_it_ready(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    stage = Stage(clock=autojump_clock)
    await watched(nursery, stage)
    _, generation = await stage.submitted()
    stage.engine.stopped = "stopped"
    await until(stage, EngineState.STALLED)
    stage.actor.deliver([(generation.request.id, Delta("late", 1))])
    assert stage.actor.state is EngineState.STALLED


async def test_an_engine_that_stays_stopped_is_hung_even_when_idle(autojump_clock: MockClock) -> None:
    stage = Stage(clock=autojump_clock)
    with pytest.RaisesGroup(pytest.RaisesExc(EngineHung, match="stopped; given up after 30 s")):
        async with trio.open_nursery() as nursery:
            await watched(nursery, stage)
            stage.engine.stopped = "stopped"
    assert 30 < trio.current_time() < 31


async def test_an_idle_engine_that_does_not_answer_is_stalled_within_five_seconds_and_ready_when_it_answers(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    stage = Stage(clock=autojump_clock)
    await watched(nursery, stage)
    await trio.sleep(7.3)
    stage.engine.mute = True
    assert await until(stage, EngineState.STALLED) < READINESS_FALLS_WITHIN_S
    assert "no answer for" in str(stage.actor.trouble)
    stage.engine.mute = False
    assert await until(stage, EngineState.READY) < HEARTBEAT_S + ANSWER_S


async def test_an_idle_engine_that_never_answers_is_hung(autojump_clock: MockClock) -> None:
    stage = Stage(clock=autojump_clock)
    with pytest.RaisesGroup(pytest.RaisesExc(EngineHung, match="no answer for 30 s")):
        async with trio.open_nursery() as nursery:
            await watched(nursery, stage)
            stage.engine.mute = True


async def test_a_busy_engine_need_not_answer(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    stage = Stage(clock=autojump_clock)
    await watched(nursery, stage)
    _, generation = await stage.submitted()
    stage.engine.mute = True
    for _ in range(20):
        await trio.sleep(8)
        stage.actor.deliver([(generation.request.id, Delta("x", 1))])
        assert stage.actor.state is EngineState.READY


async def test_a_question_that_was_on_its_way_when_work_came_proves_nothing(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    stage = Stage(clock=autojump_clock)
    await watched(nursery, stage)
    stage.engine.mute = True
    await trio.sleep(HEARTBEAT_S + 1)
    await stage.submitted()
    for _ in range(3):
        stage.engine.step()
    await trio.sleep(ANSWER_S - 0.5)
    assert stage.actor.running == 0
    assert stage.actor.state is EngineState.READY


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
