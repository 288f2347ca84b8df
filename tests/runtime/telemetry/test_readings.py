"""What is read when somebody looks, of an engine in every state."""

import trio
from trio.testing import MockClock

from actors.engine import EngineActor
from runtime.health import Health
from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Books
from runtime.telemetry.gpus import GpuReadings
from runtime.telemetry.readings import ANSWER_S, Readings
from tests.harness import open_world


def readings(chat: EngineActor) -> Readings:
    return Readings(Health(), lambda: 0, list, GpuReadings([]), chat)


async def test_an_engine_says_what_it_still_has(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        seen = await readings(world.engine).snapshot(Books(0))
    assert seen[of.ENGINE_UNFINISHED] == {(): 0}


async def test_one_that_does_not_answer_costs_a_row_and_a_second(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.scripted.mute = True
        began = trio.current_time()
        seen = await readings(world.engine).snapshot(Books(0))
        assert trio.current_time() - began == ANSWER_S
    assert of.ENGINE_UNFINISHED not in seen
    assert seen[of.ENGINE_STALLED] == {(): 0}


async def test_one_that_is_down_is_not_asked() -> None:
    seen = await readings(EngineActor()).snapshot(Books(0))
    assert of.ENGINE_UNFINISHED not in seen
    assert seen[of.ACTIVE_GENERATIONS] == {(): 0}


async def test_a_task_more_is_seen_while_it_lives(autojump_clock: MockClock) -> None:
    look = readings(EngineActor()).snapshot

    async def tasks() -> float:
        ((_, told),) = (await look(Books(0)))[of.TASKS].items()
        assert isinstance(told, int)
        return told

    before = await tasks()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        assert await tasks() == before + 1
        nursery.cancel_scope.cancel()
    assert await tasks() == before
