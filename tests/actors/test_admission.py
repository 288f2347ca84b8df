"""Admission to the engine: never more inside than fit, and every place comes back."""

import pytest
import trio
from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from trio.testing import MockClock

from actors.admission import Place
from actors.engine import EngineActor, EngineLimits, EngineState
from actors.generation import Generation, GenerationState
from actors.session.effects import AbortCause
from engines.base import GenerationRequest, Sampling
from engines.errors import EngineDead, EngineOverloaded, EngineUnavailable
from engines.scripted import Script, ScriptedEngine

RUNNING, QUEUED = 2, 1
LIMIT = RUNNING + QUEUED
WORDS = ["a", "b", "c"]


class Nobody:
    """A session to which nobody listens."""

    def pour(self, _turn: int, _text: str, _tokens: int) -> bool:
        """Forget it."""
        return False

    def flush(self) -> None:
        """There is nothing."""


@define(eq=False)
class House:
    """An actor before one scripted engine after the other; an engine steps only when told."""

    clock: MockClock = field(factory=MockClock)
    actor: EngineActor = field(init=False)
    engine: ScriptedEngine = field(init=False)
    numbers: int = 0

    def __attrs_post_init__(self) -> None:
        limits = EngineLimits(max_queued=QUEUED, stall_timeout_s=10, hang_timeout_s=30)
        self.actor = EngineActor(limits, clock=self.clock.current_time)

    async def attach(self) -> None:
        self.engine = ScriptedEngine(Script(max_running=RUNNING, reply=lambda _request: list(WORDS)))
        info = await self.engine.open(self.actor.deliver, lambda _line: None)
        self.actor.attach(self.engine, info.max_running)

    async def open(self) -> None:
        await self.attach()
        self.actor.ready()

    def request(self) -> GenerationRequest:
        self.numbers += 1
        return GenerationRequest(id=f"g{self.numbers}", prompt_ids=[1, 2], sampling=Sampling(), max_tokens=8)

    def submit(self, place: Place) -> Generation:
        return self.actor.submit(self.request(), 1, Nobody(), place)

    def stall(self) -> None:
        self.engine.stopped = "stopped by a signal"
        self.actor._check(self.clock.current_time())
        assert self.actor.state is EngineState.STALLED

    def recover(self) -> None:
        self.engine.stopped = None
        self.actor._check(self.clock.current_time())


async def opened() -> House:
    house = House()
    await house.open()
    return house


async def test_an_engine_that_was_never_attached_takes_nothing() -> None:
    house = House()
    with pytest.raises(EngineUnavailable, match="down"):
        house.actor.reserve()
    with pytest.raises(EngineUnavailable, match="down"):
        house.actor.try_out(house.request(), 0, Nobody())


async def test_a_warming_engine_takes_warm_up_requests_but_none_of_clients() -> None:
    house = House()
    await house.attach()
    with pytest.raises(EngineUnavailable):
        house.actor.reserve()
    assert house.actor.try_out(house.request(), 0, Nobody()).state is GenerationState.RUNNING
    assert house.actor.stats().places == 0


async def test_room_is_taken_before_there_is_a_request() -> None:
    house = await opened()
    places = [house.actor.reserve() for _ in range(LIMIT)]
    with pytest.raises(EngineOverloaded, match="limit is 3"):
        house.actor.reserve()
    for place in places:
        house.submit(place)
    assert house.actor.running == LIMIT


async def test_a_place_that_was_given_back_is_the_next_ones_once() -> None:
    house = await opened()
    places = [house.actor.reserve() for _ in range(LIMIT)]
    places[0].give_back()
    places[0].give_back()
    house.actor.reserve()
    with pytest.raises(EngineOverloaded):
        house.actor.reserve()


async def test_a_turn_that_makes_its_request_anew_keeps_its_place() -> None:
    house = await opened()
    places = [house.actor.reserve() for _ in range(LIMIT)]
    speculative = house.submit(places[0])
    house.actor.abort(speculative, AbortCause.SPECULATION)
    with pytest.raises(EngineOverloaded):
        house.actor.reserve()
    assert house.submit(places[0]).state is GenerationState.RUNNING


async def test_an_aborted_request_makes_room_before_the_engine_has_confirmed_it() -> None:
    house = await opened()
    places = [house.actor.reserve() for _ in range(LIMIT)]
    generation = house.submit(places[0])
    house.actor.abort(generation, AbortCause.BARGE_IN)
    places[0].give_back()
    house.submit(house.actor.reserve())
    assert house.actor.stats().unconfirmed_aborts == 1


async def test_an_engine_that_stalled_since_takes_nothing_and_the_place_stays_the_turns() -> None:
    house = await opened()
    place = house.actor.reserve()
    house.stall()
    with pytest.raises(EngineUnavailable, match="stalled"):
        house.submit(place)
    house.recover()
    assert house.submit(place).state is GenerationState.RUNNING


async def test_places_of_a_dead_engine_count_for_nothing_in_the_next() -> None:
    house = await opened()
    old = [house.actor.reserve() for _ in range(LIMIT)]
    house.actor.detach(EngineDead("gone"))
    assert house.actor.stats().places == 0
    with pytest.raises(EngineUnavailable):
        house.submit(old[0])
    await house.open()
    new = [house.actor.reserve() for _ in range(LIMIT)]
    with pytest.raises(EngineOverloaded):
        house.submit(old[0])
    old[0].give_back()
    assert house.actor.stats().places == LIMIT, "nobody else's place was given back"
    new[0].give_back()
    assert house.submit(old[1]).state is GenerationState.RUNNING, "asked for anew, it is as good as any"
    assert house.actor.stats().places == LIMIT


async def test_a_turn_on_its_way_keeps_the_engine_from_being_idle() -> None:
    house = await opened()
    house.clock.jump(100)
    seen = [house.actor.idle]
    place = house.actor.reserve()
    seen.append(house.actor.idle)
    place.give_back()
    seen.append(house.actor.idle)
    assert seen == [True, False, True]
    assert house.actor.last_admitted_at == house.clock.current_time()


class Admissions(RuleBasedStateMachine):
    """Turns that come, submit, submit again, are stopped and leave in any order, before engines that come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.turns: list[Place] = []

    @initialize()
    def begins(self) -> None:
        trio.run(self.house.open)

    @property
    def serves(self) -> bool:
        return self.house.actor.state is EngineState.READY

    @rule()
    def comes(self) -> None:
        full = self.house.actor.stats().places >= LIMIT
        try:
            self.turns.append(self.house.actor.reserve())
        except EngineUnavailable:
            assert not self.serves
        except EngineOverloaded:
            assert full
        else:
            assert self.serves
            assert not full

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def submits(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(self.turns))
        if place.generation is not None and place.generation.state is GenerationState.RUNNING:
            self.house.actor.abort(place.generation, AbortCause.SPECULATION)
        try:
            self.house.submit(place)
        except EngineUnavailable:
            assert not self.serves
        except EngineOverloaded:
            assert self.house.actor.stats().places == LIMIT

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(self.turns))
        if place.generation is not None:
            self.house.actor.abort(place.generation, AbortCause.CANCEL)
        place.give_back()
        self.turns.remove(place)

    @rule()
    def steps(self) -> None:
        if self.house.actor.state is not EngineState.DOWN and self.house.engine.stopped is None:
            self.house.engine.step()

    @rule()
    def stalls_or_recovers(self) -> None:
        if self.serves:
            self.house.stall()
        elif self.house.actor.state is EngineState.STALLED:
            self.house.recover()

    @rule()
    def dies_or_comes_back(self) -> None:
        if self.house.actor.state is EngineState.DOWN:
            trio.run(self.house.open)
        else:
            self.house.engine.die()
            self.house.actor.detach(EngineDead("gone"))

    @invariant()
    def never_more_inside_than_fit(self) -> None:
        stats = self.house.actor.stats()
        assert stats.running <= stats.places <= min(LIMIT, len(self.turns))
        if self.house.actor.state is not EngineState.DOWN:
            assert len(self.house.engine._requests) == stats.running

    def teardown(self) -> None:
        while self.turns:
            place = self.turns.pop()
            if place.generation is not None:
                self.house.actor.abort(place.generation, AbortCause.CANCEL)
            place.give_back()
        assert self.house.actor.idle


Admissions.TestCase.settings = settings(stateful_step_count=40, deadline=None)
TestAdmissions = Admissions.TestCase
