"""Admission to the engine: never more inside than fit, and every place comes back."""

import pytest
import trio
from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.channels import ENGINE_ANSWERS
from actors.engine import EngineLimits, EngineState
from actors.engine.messages import Abort, Accepted, Admit, Answer, Busy, Ended, Leave, ReplyTo, Submit
from actors.generation import Generation, GenerationState
from actors.session.effects import AbortCause
from engines.base import Aborted
from engines.errors import EngineDead, EngineOverloaded, EngineUnavailable
from tests.actors.engine_stage import Listener, Stage, settle
from tests.actors.engine_stage import opened as opened_stage

RUNNING, QUEUED = 2, 1
LIMIT = RUNNING + QUEUED
LIMITS = EngineLimits(max_queued=QUEUED, stall_timeout_s=10, hang_timeout_s=30)


def small() -> Stage:
    return Stage(LIMITS, max_running=RUNNING)


async def opened(nursery: trio.Nursery) -> Stage:
    return await opened_stage(nursery, small())


async def test_an_engine_that_was_never_attached_takes_nothing(nursery: trio.Nursery) -> None:
    stage = small()
    nursery.start_soon(stage.actor.run)
    with pytest.raises(EngineUnavailable, match="down"):
        await stage.admitted()
    exchange = stage.exchange()
    exchange.try_out(stage.request(), 0, stage.listener)
    with pytest.raises(EngineUnavailable, match="down"):
        await exchange.ended()


async def test_a_warming_engine_takes_warm_up_requests_but_none_of_clients(nursery: trio.Nursery) -> None:
    stage = small()
    nursery.start_soon(stage.actor.run)
    await stage.attach()
    with pytest.raises(EngineUnavailable):
        await stage.admitted()
    assert stage.exchange().try_out(stage.request(), 0, stage.listener).state is GenerationState.RUNNING
    await settle()
    assert (stage.actor.running, stage.actor.stats().places) == (1, 0)


async def test_room_is_taken_before_there_is_a_request(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    turns = [await stage.admitted() for _ in range(LIMIT)]
    with pytest.raises(EngineOverloaded, match="limit is 3"):
        await stage.admitted()
    for exchange in turns:
        stage.submit(exchange)
    await settle()
    assert stage.actor.running == LIMIT


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
        for _ in range(3 * LIMIT):
            asking.start_soon(ask)
    assert (len(taken), len(refused)) == (LIMIT, 2 * LIMIT)


async def test_a_place_that_was_given_back_is_the_next_ones_once(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    turns = [await stage.admitted() for _ in range(LIMIT)]
    turns[0].leave(AbortCause.INTERNAL)
    turns[0].leave(AbortCause.INTERNAL)
    await stage.admitted()
    with pytest.raises(EngineOverloaded):
        await stage.admitted()


async def test_a_turn_that_makes_its_request_anew_keeps_its_place(nursery: trio.Nursery) -> None:
    stage = await opened(nursery)
    turns = [await stage.admitted() for _ in range(LIMIT)]
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
    turns = [await stage.submitted() for _ in range(LIMIT)]
    turns[0][0].leave(AbortCause.BARGE_IN)
    newcomer = await stage.admitted()
    stage.submit(newcomer)
    await settle()
    stats = stage.actor.stats()
    assert (stats.running, stats.places, stats.unconfirmed_aborts) == (LIMIT, LIMIT, 1)


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
    old = [await stage.admitted() for _ in range(LIMIT)]
    stage.actor.detach(EngineDead("gone"))
    assert stage.actor.stats().places == 0
    stage.submit(old[0])
    with pytest.raises(EngineUnavailable):
        await old[0].ended()
    await stage.open()
    new = [await stage.admitted() for _ in range(LIMIT)]
    stage.submit(old[0])
    with pytest.raises(EngineOverloaded):
        await old[0].ended()
    old[0].leave(AbortCause.INTERNAL)
    await settle()
    assert stage.actor.stats().places == LIMIT, "nobody else's place was given back"
    new[0].leave(AbortCause.INTERNAL)
    stage.submit(old[1])
    await settle()
    assert stage.actor.running == 1, "asked for anew, it is as good as any"
    assert stage.actor.stats().places == LIMIT


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


@define(eq=False)
class Turn:
    """A turn as the actor knows it: where its answers go. `alive`: its request has had no end that it knows of."""

    reply_to: ReplyTo = field(init=False)
    answers: trio.MemoryReceiveChannel[Answer] = field(init=False)
    generation: Generation | None = None
    alive: bool = False

    def __attrs_post_init__(self) -> None:
        self.reply_to, self.answers = trio.open_memory_channel[Answer](ENGINE_ANSWERS)

    def told(self) -> list[Answer]:
        """What it was told since it was asked last."""
        told: list[Answer] = []
        while self.answers.statistics().current_buffer_used:
            told.append(self.answers.receive_nowait())
        return told


class Admissions(RuleBasedStateMachine):
    """Turns that come, submit, submit again, are stopped and leave in any order, before engines that come and go.

    They speak the messages of the protocol; whatever was said is handled at once, or later together with the rest.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stage = small()
        self.turns: list[Turn] = []

    @initialize()
    def begins(self) -> None:
        trio.run(self.stage.open)

    @property
    def serves(self) -> bool:
        return self.stage.actor.state is EngineState.READY

    def handled(self) -> None:
        self.stage.actor._handle_waiting()
        for turn in self.turns:
            for answer in turn.told():
                self.note(turn, answer)

    def note(self, turn: Turn, answer: Answer) -> None:
        """Every request has one end."""
        generation = turn.generation
        if isinstance(answer, Ended) and generation is not None and answer.request_id == generation.request.id:
            assert turn.alive or isinstance(answer.how, Aborted)
            turn.alive = False

    @rule()
    def comes(self) -> None:
        self.handled()
        full, turn = self.stage.actor.stats().places >= LIMIT, Turn()
        self.stage.actor.mailbox.send_nowait(Admit(turn.reply_to))
        self.stage.actor._handle_waiting()
        (answer,) = turn.told()
        if isinstance(answer, Accepted):
            assert self.serves
            assert not full
            self.turns.append(turn)
        else:
            assert isinstance(answer, Busy)
            assert isinstance(answer.error, EngineOverloaded if self.serves else EngineUnavailable)
            assert full or not self.serves

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def submits(self, data: st.DataObject) -> None:
        turn = data.draw(st.sampled_from(self.turns))
        self.stop(turn, AbortCause.SPECULATION)
        self.handled()
        turn.generation = Generation(self.stage.request(), 1, Listener(), self.stage.clock.current_time())
        self.stage.actor.mailbox.send_nowait(Submit(turn.reply_to, turn.generation))
        self.stage.actor._handle_waiting()
        told = turn.told()
        if told:
            (answer,) = told
            assert isinstance(answer, Busy)
            assert not self.serves or self.stage.actor.stats().places == LIMIT
        turn.alive = not told

    @precondition(lambda self: self.turns)
    @rule(data=st.data(), at_once=st.booleans())
    def leaves(self, data: st.DataObject, at_once: bool) -> None:
        turn = data.draw(st.sampled_from(self.turns))
        self.stop(turn, AbortCause.CANCEL)
        self.stage.actor.mailbox.send_nowait(Leave(turn.reply_to))
        turn.answers.close()
        self.turns.remove(turn)
        if at_once:
            self.handled()

    def stop(self, turn: Turn, cause: AbortCause) -> None:
        if turn.alive and turn.generation is not None:
            generation = turn.generation
            turn.alive = False
            self.stage.actor.mailbox.send_nowait(Abort(generation.request.id, cause, generation.usage))

    @rule()
    def steps(self) -> None:
        if self.stage.actor.state is not EngineState.DOWN and self.stage.engine.stopped is None:
            self.stage.engine.step()

    @rule()
    def stalls_or_recovers(self) -> None:
        if self.serves:
            self.stage.stall()
        elif self.stage.actor.state is EngineState.STALLED:
            self.stage.recover()

    @rule()
    def dies_or_comes_back(self) -> None:
        if self.stage.actor.state is EngineState.DOWN:
            trio.run(self.stage.open)
        else:
            self.stage.engine.die()
            self.stage.actor.detach(EngineDead("gone"))

    @invariant()
    def never_more_inside_than_fit(self) -> None:
        stats = self.stage.actor.stats()
        assert stats.running <= stats.places <= LIMIT
        if self.stage.actor.state is not EngineState.DOWN:
            assert len(self.stage.engine._requests) == stats.running

    @invariant()
    def what_is_alive_is_waited_for_once_everything_is_handled(self) -> None:
        if not self.stage.actor.mailbox.statistics().current_buffer_used:
            self.handled()
            assert self.stage.actor.running == sum(turn.alive for turn in self.turns)
            assert self.stage.actor.stats().places <= len(self.turns)

    def teardown(self) -> None:
        for turn in self.turns:
            self.stop(turn, AbortCause.CANCEL)
            self.stage.actor.mailbox.send_nowait(Leave(turn.reply_to))
        self.stage.actor._handle_waiting()
        assert self.stage.actor.idle


Admissions.TestCase.settings = settings(stateful_step_count=40, deadline=None)
TestAdmissions = Admissions.TestCase
