"""The engine's actor: delivery, aborts that are confirmed or not, and the death of an engine."""

from collections.abc import Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.engine import EngineState, Exchange
from actors.generation import Generation, GenerationState
from actors.session.effects import AbortCause
from engines.base import Aborted, Delta, Failed, Finished, FinishReason, GenerationRequest, Output, Usage
from engines.errors import EngineDead, EngineUnavailable, TurnFailed
from engines.scripted import ScriptedEngine
from tests.actors.engine_stage import expect_unavailable, opened, settle


async def test_a_generation_brings_its_text_then_its_engine_true_usage(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    exchange, generation = await stage.submitted()
    for _ in range(3):
        stage.engine.step()
    assert stage.listener.texts == ["a", "b", "c"]
    await exchange.ended()
    assert generation.state is GenerationState.FINISHED
    assert generation.finish_reason == "stop"
    assert generation.usage == Usage(2, 3, 0)
    assert stage.actor.running == 0


async def test_text_takes_no_turn_of_the_loop(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    _, generation = await stage.submitted()
    stage.engine.step()
    assert stage.listener.texts == ["a"]
    assert generation.usage == Usage(2, 1, 0)


async def test_steps_that_have_piled_up_are_one_text_for_each_request(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    _, generation = await stage.submitted()
    name = generation.request.id
    stage.actor.deliver(
        [(name, Delta("a", 1, 1)), ("unknown", Delta("x", 1)), (name, Delta("", 1)), (name, Delta("b", 2))]
    )
    assert stage.listener.texts == ["ab"]
    assert generation.usage == Usage(2, 4, 1)


async def test_an_abort_is_in_the_mailbox_before_it_returns_and_is_counted_once(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    exchange, generation = await stage.submitted()
    exchange.abort(AbortCause.BARGE_IN)
    exchange.abort(AbortCause.CANCEL)
    exchange.leave(AbortCause.CANCEL)
    assert generation.state is GenerationState.ABORTED
    await settle()
    assert stage.engine.aborted == [generation.request.id]
    assert stage.actor.stats().aborts == {"barge_in": 1}
    assert stage.actor.stats().unconfirmed_aborts == 1
    stage.engine.step()
    assert stage.actor.stats().unconfirmed_aborts == 0


async def test_what_is_said_between_an_abort_and_its_handling_is_neither_heard_nor_counted(
    nursery: trio.Nursery,
) -> None:
    stage = await opened(nursery)
    exchange, generation = await stage.submitted()
    stage.engine.step()
    exchange.abort(AbortCause.CANCEL)
    stage.engine.step()
    assert stage.listener.texts == ["a"]
    assert generation.usage == Usage(2, 1, 0)
    await settle()
    assert stage.actor.running == 0


async def test_what_an_aborted_generation_still_says_is_not_heard(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    exchange, generation = await stage.submitted()
    exchange.abort(AbortCause.CANCEL)
    await settle()
    stage.actor.deliver([(generation.request.id, Delta("late", 1)), (generation.request.id, Aborted())])
    assert stage.listener.texts == []
    assert generation.usage.completion_tokens == 0


async def test_an_end_that_crosses_an_abort_confirms_it(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    exchange, generation = await stage.submitted()
    exchange.abort(AbortCause.CANCEL)
    await settle()
    stage.actor.deliver([(generation.request.id, Finished(FinishReason.STOP, Usage(2, 1)))])
    assert stage.actor.stats().unconfirmed_aborts == 0
    assert generation.state is GenerationState.ABORTED


async def test_an_abort_that_finds_the_request_ended_asks_the_engine_for_nothing(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    exchange, generation = await stage.submitted()
    exchange.abort(AbortCause.CANCEL)
    stage.actor.deliver([(generation.request.id, Finished(FinishReason.STOP, Usage(2, 1)))])
    await settle()
    stats = stage.actor.stats()
    assert (stats.aborts, stats.unconfirmed_aborts, stage.engine.aborted) == ({}, 0, [])
    await exchange.ended()
    assert (generation.state, generation.usage) == (GenerationState.ABORTED, Usage(2, 0))


async def test_submit_and_abort_in_one_turn_of_the_loop_reach_the_engine_in_this_order(
    nursery: trio.Nursery,
) -> None:
    stage = await opened(nursery)
    exchange = await stage.admitted()
    generation = stage.submit(exchange)
    exchange.leave(AbortCause.BARGE_IN)
    await settle()
    assert [request.id for request in stage.engine.submitted] == stage.engine.aborted == [generation.request.id]
    assert stage.actor.idle
    stage.engine.step()
    await stage.actor.wait_aborts_confirmed()
    assert not stage.engine._requests


async def test_a_turn_that_leaves_before_it_is_heard_gets_no_place(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    exchange = stage.exchange()
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await exchange.admit()
        finally:
            exchange.close()
    assert scope.cancelled_caught
    await settle()
    assert stage.actor.idle


async def test_a_turn_that_listens_no_more_keeps_nobody(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    exchange, _ = await stage.submitted()
    neighbour, _ = await stage.submitted()
    exchange._answers.close()
    for _ in range(3):
        stage.engine.step()
    await neighbour.ended()
    exchange.leave(AbortCause.INTERNAL)
    await settle()
    assert stage.actor.running == 0


async def test_turns_leave_no_open_end_of_the_mailbox(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    for _ in range(5):
        exchange, _ = await stage.submitted()
        exchange.close()
    await settle()
    ends = stage.actor.mailbox.statistics()
    assert (ends.open_send_channels, ends.current_buffer_used) == (1, 0)


async def test_an_abort_nobody_asked_for_is_an_engine_error(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    exchange, generation = await stage.submitted()
    stage.actor.deliver([(generation.request.id, Aborted())])
    await exchange.ended()
    assert generation.state is GenerationState.FAILED
    assert isinstance(generation.failure, EngineDead)


async def test_a_failed_request_is_that_requests_affair(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    (broken, one), (_, other) = await stage.submitted(), await stage.submitted()
    stage.actor.deliver([(one.request.id, Failed(TurnFailed("no")))])
    await broken.ended()
    assert (one.state, other.state) == (GenerationState.FAILED, GenerationState.RUNNING)


async def test_a_request_that_the_engine_did_not_take_is_not_alive(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    stage.engine.die()
    exchange, _ = await stage.submitted()
    with pytest.raises(EngineUnavailable):
        await exchange.ended()
    assert exchange.generation is None
    assert stage.actor.running == 0


class Clumsy(ScriptedEngine):
    """Breaks at a request in a way that nobody foresaw."""

    def submit(self, request: GenerationRequest) -> None:
        """Break."""
        raise KeyError("somebody's words")


async def test_a_request_at_which_the_engine_breaks_fails_alone_and_without_its_words(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    _, fine = await stage.submitted()
    stage.actor.watch.engine = Clumsy()
    exchange, generation = await stage.submitted()
    await exchange.ended()
    assert isinstance(generation.failure, TurnFailed)
    assert "KeyError at" in str(generation.failure)
    assert "somebody" not in str(generation.failure)
    assert (fine.state, stage.actor.running) == (GenerationState.RUNNING, 1)


async def test_the_death_of_an_engine_ends_all_of_its_generations(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    turns = [await stage.submitted() for _ in range(3)]
    turns[0][0].abort(AbortCause.CANCEL)
    await settle()
    stage.actor.detach(EngineDead("gone"))
    for exchange, _ in turns:
        await exchange.ended()
    assert [generation.state.value for _, generation in turns] == ["aborted", "failed", "failed"]
    stats = stage.actor.stats()
    assert (stats.state, stats.running, stats.unconfirmed_aborts) == (EngineState.DOWN, 0, 0)


async def test_what_waits_in_the_mailbox_when_the_engine_dies_is_answered_and_asks_it_for_nothing(
    nursery: trio.Nursery,
) -> None:
    stage = await opened(nursery)
    aborting, doomed = await stage.submitted()
    submitting = await stage.admitted()
    stage.submit(submitting)
    aborting.abort(AbortCause.CANCEL)
    nursery.start_soon(expect_unavailable, stage.exchange())
    stage.actor.detach(EngineDead("gone"))
    with pytest.raises(EngineUnavailable):
        await submitting.ended()
    await aborting.ended()
    await settle()
    assert stage.engine.submitted == [doomed.request]
    assert (stage.engine.aborted, stage.actor.stats().aborts, stage.actor.idle) == ([], {}, True)


async def test_cached_tokens_that_only_a_delta_told_are_kept_in_the_usage(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    exchange, generation = await stage.submitted()
    stage.actor.deliver([(generation.request.id, Delta("a", 1, 16))])
    stage.actor.deliver([(generation.request.id, Finished(FinishReason.LENGTH, Usage(2, 1, None)))])
    await exchange.ended()
    assert generation.usage == Usage(2, 1, 16)


@given(st.lists(st.tuples(st.sampled_from(["submit", "abort", "step", "fail", "end"]), st.integers(0, 5))))
def test_running_and_unconfirmed_sets_always_equal_the_engines(deeds: Sequence[tuple[str, int]]) -> None:
    trio.run(play, deeds)


async def play(deeds: Sequence[tuple[str, int]]) -> None:
    async with trio.open_nursery() as nursery:
        stage, turns = await opened(nursery), list[tuple[Exchange, Generation]]()
        for deed, which in deeds:
            exchange, one = turns[which % len(turns)] if turns else (None, None)
            if deed == "submit":
                turns.append(await stage.submitted())
            elif deed == "abort" and exchange is not None:
                exchange.abort(AbortCause.CANCEL)
            elif deed == "step":
                stage.engine.step()
            elif one is not None and one.request.id in stage.engine._requests:
                del stage.engine._requests[one.request.id]
                end: Output = Failed(TurnFailed("x")) if deed == "fail" else Finished(FinishReason.STOP, Usage(2, 0))
                stage.actor.deliver([(one.request.id, end)])
            await settle()
            for each, _ in turns:
                each.catch_up()
            running = {each.request.id for _, each in turns if each.state is GenerationState.RUNNING}
            assert running == set(stage.engine._requests)
            assert stage.actor.running == len(running)
            assert stage.actor.stats().unconfirmed_aborts == len(stage.engine._confirm)
        assert sum(stage.actor.stats().aborts.values()) == len(stage.engine.aborted)
        nursery.cancel_scope.cancel()
