"""Admission under any order of messages: never more turns inside than there are places, and all places come back."""

import trio
from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.channels import ENGINE_ANSWERS
from actors.engine import EngineState
from actors.engine.messages import Abort, Accepted, Admit, Answer, Busy, Ended, Leave, ReplyTo, Submit
from actors.generation import Generation
from actors.session.effects import AbortCause
from engines.base import Aborted
from engines.errors import EngineDead, EngineOverloaded, EngineUnavailable
from tests.actors.engine_stage import SMALL, Listener, Stage, small_stage
from tests.actors.engine_stage import opened as opened_stage


async def opened(nursery: trio.Nursery) -> Stage:
    return await opened_stage(nursery, small_stage())


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
        self.stage = small_stage()
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
        full, turn = self.stage.actor.stats().places >= SMALL, Turn()
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
            assert not self.serves or self.stage.actor.stats().places == SMALL
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
            self.stage.actor.mailbox.send_nowait(Abort(generation.request.id, cause, self.stage.clock.current_time()))

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
        assert stats.running <= stats.places <= SMALL
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
