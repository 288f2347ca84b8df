"""The engine's actor watches for progress: stalls, hangs, aborts that nobody confirms, and when to try again."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.engine import EngineState
from actors.session.effects import AbortCause
from engines.base import Delta
from engines.errors import EngineDead, EngineHung
from tests.actors.engine_stage import Stage, expect_unavailable, opened, settle


async def test_no_output_makes_the_engine_stalled_and_then_hung(autojump_clock: MockClock) -> None:
    stage = Stage(clock=autojump_clock)

    async def look_on() -> None:
        await trio.sleep(9.9)
        assert stage.actor.stats().state is EngineState.READY
        await trio.sleep(0.6)
        assert stage.actor.stats().state is EngineState.STALLED

    async def watch_and_look_on() -> None:
        async with trio.open_nursery() as nursery:
            await opened(nursery, stage)
            await stage.submitted()
            nursery.start_soon(stage.actor.watch.run)
            nursery.start_soon(look_on)

    with pytest.raises(ExceptionGroup) as group:
        await watch_and_look_on()
    assert group.group_contains(EngineHung, match="no output for 30 s")
    assert 30 < trio.current_time() <= 30.5


async def test_output_ends_a_stall(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    await stage.submitted()
    stage.actor.watch.check(10.5)
    assert stage.actor.stats().state is EngineState.STALLED
    stage.engine.step()
    assert stage.actor.stats().state is EngineState.READY


async def test_an_idle_engine_is_never_stalled(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    stage.actor.watch.check(10_000)
    assert stage.actor.stats().state is EngineState.READY
    stage.clock.jump(10_000)
    await stage.submitted()
    stage.actor.watch.check(stage.clock.current_time() + 9)
    assert stage.actor.stats().state is EngineState.READY


async def test_an_unconfirmed_abort_makes_the_engine_hung_after_the_grace(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    (exchange, _), (_, other) = await stage.submitted(), await stage.submitted()
    exchange.abort(AbortCause.CANCEL)
    await settle()
    stage.clock.jump(4.9)
    stage.actor.deliver([(other.request.id, Delta("still busy", 1))])
    stage.actor.watch.check(stage.clock.current_time())
    stage.clock.jump(0.2)
    with pytest.raises(EngineHung, match="no confirmation of an abort"):
        stage.actor.watch.check(stage.clock.current_time())


async def test_waiting_for_confirmations_ends_with_the_last_one(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    for _ in range(3):
        exchange, _ = await stage.submitted()
        exchange.abort(AbortCause.CANCEL)
    await settle()
    with trio.fail_after(1):
        async with trio.open_nursery() as waiting:
            waiting.start_soon(stage.actor.wait_aborts_confirmed)
            await wait_all_tasks_blocked()
            stage.engine.step()


async def test_the_next_try_is_told_in_whole_seconds_and_at_least_one(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    stage.actor.detach(EngineDead("gone"))
    told = []
    for pause in (0.0, 3.2):
        stage.actor.next_try_at = stage.clock.current_time() + pause
        exchange = stage.exchange()
        await expect_unavailable(exchange)
        told.append(exchange.retry_in)
    assert told == [1, 4]
