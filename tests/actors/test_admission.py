"""Admission to the engine: never more inside than fit, and every place comes back."""

import pytest
import trio

from actors.generation import GenerationState
from actors.session.effects import AbortCause
from engines.errors import EngineDead, EngineOverloaded, EngineUnavailable
from tests.actors.engine_stage import SMALL, Stage, settle, small_stage
from tests.actors.engine_stage import opened as opened_stage


async def opened(nursery: trio.Nursery) -> Stage:
    return await opened_stage(nursery, small_stage())


async def test_an_engine_that_was_never_attached_takes_nothing(nursery: trio.Nursery) -> None:
    stage = small_stage()
    nursery.start_soon(stage.actor.run)
    with pytest.raises(EngineUnavailable, match="down"):
        await stage.admitted()
    exchange = stage.exchange()
    exchange.try_out(stage.request(), 0, stage.listener)
    with pytest.raises(EngineUnavailable, match="down"):
        await exchange.ended()


async def test_a_warming_engine_takes_warm_up_requests_but_none_of_clients(nursery: trio.Nursery) -> None:
    stage = small_stage()
    nursery.start_soon(stage.actor.run)
    await stage.attach()
    with pytest.raises(EngineUnavailable):
        await stage.admitted()
    assert stage.exchange().try_out(stage.request(), 0, stage.listener).state is GenerationState.RUNNING
    await settle()
    assert (stage.actor.running, stage.actor.stats().places) == (1, 0)


async def test_room_is_taken_before_there_is_a_request(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    turns = [await stage.admitted() for _ in range(SMALL)]
    with pytest.raises(EngineOverloaded, match="limit is 3"):
        await stage.admitted()
    for exchange in turns:
        stage.submit(exchange)
    await settle()
    assert stage.actor.running == SMALL


async def test_turns_that_ask_in_one_turn_of_the_loop_never_get_more_places_than_there_are(
    nursery: trio.Nursery,
) -> None:
    stage = await opened(nursery)
    taken, refused = [], []

    async def ask() -> None:
        try:
            taken.append(await stage.admitted())
        except EngineOverloaded:
            refused.append(True)

    async with trio.open_nursery() as asking:
        for _ in range(3 * SMALL):
            asking.start_soon(ask)
    assert (len(taken), len(refused)) == (SMALL, 2 * SMALL)


async def test_a_place_that_was_given_back_is_the_next_ones_once(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    turns = [await stage.admitted() for _ in range(SMALL)]
    turns[0].leave(AbortCause.INTERNAL)
    turns[0].leave(AbortCause.INTERNAL)
    await stage.admitted()
    with pytest.raises(EngineOverloaded):
        await stage.admitted()


async def test_a_turn_that_makes_its_request_anew_keeps_its_place(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    turns = [await stage.admitted() for _ in range(SMALL)]
    stage.submit(turns[0])
    turns[0].discard(AbortCause.SPECULATION)
    with pytest.raises(EngineOverloaded):
        await stage.admitted()
    anew = stage.submit(turns[0])
    for _ in range(3):
        await settle()
        stage.engine.step()
    await turns[0].ended()
    assert anew.state is GenerationState.FINISHED
    assert stage.actor.stats().aborts == {"speculation": 1}


async def test_a_barge_in_on_a_full_engine_finds_the_place_that_it_has_just_made_free(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    turns = [await stage.submitted() for _ in range(SMALL)]
    turns[0][0].leave(AbortCause.BARGE_IN)
    newcomer = await stage.admitted()
    stage.submit(newcomer)
    await settle()
    stats = stage.actor.stats()
    assert (stats.running, stats.places, stats.unconfirmed_aborts) == (SMALL, SMALL, 1)


async def test_an_engine_that_stalled_since_takes_nothing_and_the_place_stays_the_turns(
    nursery: trio.Nursery,
) -> None:
    stage = await opened(nursery)
    exchange = await stage.admitted()
    stage.stall()
    stage.submit(exchange)
    with pytest.raises(EngineUnavailable, match="stalled"):
        await exchange.ended()
    stage.recover()
    assert stage.actor.stats().places == 1
    generation = stage.submit(exchange)
    await settle()
    exchange.catch_up()
    assert generation.state is GenerationState.RUNNING


async def test_places_of_a_dead_engine_count_for_nothing_in_the_next(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    old = [await stage.admitted() for _ in range(SMALL)]
    stage.actor.detach(EngineDead("gone"))
    assert stage.actor.stats().places == 0
    stage.submit(old[0])
    with pytest.raises(EngineUnavailable):
        await old[0].ended()
    await stage.open()
    new = [await stage.admitted() for _ in range(SMALL)]
    stage.submit(old[0])
    with pytest.raises(EngineOverloaded):
        await old[0].ended()
    old[0].leave(AbortCause.INTERNAL)
    await settle()
    assert stage.actor.stats().places == SMALL, "nobody else's place was given back"
    new[0].leave(AbortCause.INTERNAL)
    stage.submit(old[1])
    await settle()
    assert stage.actor.running == 1, "asked for anew, it is as good as any"
    assert stage.actor.stats().places == SMALL


async def test_a_turn_on_its_way_keeps_the_engine_from_being_idle(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    stage.clock.jump(100)
    seen = [stage.actor.idle]
    exchange = await stage.admitted()
    seen.append(stage.actor.idle)
    exchange.leave(AbortCause.INTERNAL)
    await settle()
    seen.append(stage.actor.idle)
    assert seen == [True, False, True]
    assert stage.actor.last_admitted_at == stage.clock.current_time()
