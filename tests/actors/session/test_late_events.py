"""The machine on a wire on which engine events arrive late; the same wire finds mutated rows of the table."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest
from attrs import evolve
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from actors.session import effects as do
from actors.session import events as ev
from actors.session.errors import IllegalTransition
from actors.session.events import Ending
from actors.session.machine import TRANSITIONS, Rule, Table, step
from actors.session.state import Phase, Session
from protocol.errors import invalid_message
from tests.actors.session.client_events import cancel, turn


class Wire(RuleBasedStateMachine):
    """The machine plus an engine whose events arrive late, in order, like the real channel.

    `working`: the turn whose task runs; it ends exactly once, by itself or because it was stopped.
    """

    table: ClassVar[Table] = TRANSITIONS

    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.wire: deque[ev.Event] = deque()
        self.turns = 0
        self.working: int | None = None
        self.open: list[int] = []  # acked turns without a terminal frame
        self.routing: set[int] = set()

    def feed(self, event: ev.Event) -> None:
        self.session, effects = step(self.session, event, self.table)
        for effect in effects:
            self.perform(effect)

    def perform(self, effect: do.Effect) -> None:
        match effect:
            case do.AcceptTurn(request):
                self.open.append(request.turn)
            case do.StartTurn(request):
                assert self.working is None, "two turns of one session run side by side"
                self.working = request.turn
                if request.routed:
                    self.routing.add(request.turn)
            case do.StopTurn(number, _):
                assert number in self.open, "a stopped turn that was never acked"
                if self.working == number:
                    self.wire.append(ev.TurnEnded(turn=number, how=Ending.CANCELLED))
                    self.working = None
            case do.ReportCancelled(request):
                self.close(request.turn)
            case do.ConcludeTurn(request):
                self.close(request.turn)
            case do.SendText(chunk) | do.HoldText(chunk):
                assert self.open[-1:] == [chunk.turn], "text of a turn that is over"
            case do.AnnounceDecision(routed):
                assert self.open[-1:] == [routed.turn], "a decision of a turn that is over"

    def close(self, number: int) -> None:
        assert number in self.open, "a turn with two terminal frames, or one that was never acked"
        self.open.remove(number)

    alive = precondition(lambda self: self.session.phase is not Phase.CLOSED)

    @alive
    @rule(routed=st.booleans())
    def user_speaks(self, routed: bool) -> None:
        self.turns += 1
        self.feed(turn(self.turns, routed=routed))

    @alive
    @rule(known=st.booleans(), number=st.integers(1, 40))
    def user_cancels(self, known: bool, number: int) -> None:
        self.feed(cancel(f"r{number}", used=number <= self.turns) if known else cancel())

    @alive
    @precondition(lambda self: self.working is not None)
    @rule()
    def engine_speaks(self) -> None:
        assert self.working is not None
        self.wire.append(ev.ChunkProduced(self.working, "hi "))

    @alive
    @precondition(lambda self: self.working in self.routing)
    @rule(yes=st.booleans())
    def router_decides(self, yes: bool) -> None:
        assert self.working is not None
        self.routing.discard(self.working)
        self.wire.append(ev.Routed(turn=self.working, yes=yes))

    @alive
    @precondition(lambda self: self.working is not None)
    @rule(how=st.sampled_from([Ending.COMPLETED, Ending.FAILED, Ending.TIMED_OUT, Ending.BUSY]))
    def engine_ends(self, how: Ending) -> None:
        assert self.working is not None
        if self.working in self.routing and how is not Ending.BUSY:
            self.routing.discard(self.working)
            self.wire.append(ev.Routed(turn=self.working, yes=False))
        self.wire.append(ev.TurnEnded(turn=self.working, how=how))
        self.working = None

    @alive
    @precondition(lambda self: self.wire)
    @rule()
    def deliver(self) -> None:
        self.feed(self.wire.popleft())

    @alive
    @rule(event=st.sampled_from([ev.PingReceived("s", "p"), ev.FrameRefused(invalid_message("invalid_json", "no"))]))
    def user_says_something_harmless(self, event: ev.Event) -> None:
        before = self.session
        self.feed(event)
        assert self.session == before

    @alive
    @rule(number=st.integers(1, 40))
    def a_cancel_timer_fires_late(self, number: int) -> None:
        if self.session.phase is not Phase.CANCELLING:
            self.feed(ev.CancelOverdue(number))

    @alive
    @precondition(lambda self: self.turns > 8)
    @rule(event=st.sampled_from([ev.DrainStarted(), ev.DrainExpired(), ev.EndRequested("s", "e"), ev.ClientGone()]))
    def something_ends_it(self, event: ev.Event) -> None:
        self.feed(event)

    @alive
    @rule()
    def silence_ends_in_idle(self) -> None:
        while self.session.phase is not Phase.CLOSED:
            if self.wire:
                self.feed(self.wire.popleft())
            elif self.working is not None:
                self.engine_ends(Ending.COMPLETED)
            else:
                break
        assert self.session.phase in (Phase.IDLE, Phase.CLOSED)
        assert self.session.phase is Phase.CLOSED or not self.open, "silence, and a turn without a terminal frame"

    @precondition(lambda self: self.session.phase is Phase.CLOSED)
    @rule()
    def nothing_more_happens(self) -> None:
        """A closed session is fed nothing: the example runs out."""

    @invariant()
    def a_parked_turn_means_we_are_cancelling(self) -> None:
        assert self.session.pending is None or self.session.phase in (Phase.CANCELLING, Phase.CLOSED)

    @invariant()
    def idle_means_no_turn(self) -> None:
        if self.session.phase is not Phase.CLOSED:
            assert (self.session.live is None) == (self.session.phase is Phase.IDLE)


Wire.TestCase.settings = settings(max_examples=settings().max_examples * 2, stateful_step_count=40, deadline=None)
TestWire = Wire.TestCase


Mutate = Callable[[tuple[Rule, ...]], tuple[Rule, ...]]


def _without_park(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(evolve(row, update=lambda session, _event: session) for row in rules)


MUTATIONS: Mapping[str, tuple[tuple[Phase, type], Mutate]] = {
    "a barge-in does not park the new turn": ((Phase.STREAMING, ev.TurnRequested), _without_park),
    "a cancel forgets to change the phase": (
        (Phase.STREAMING, ev.CancelRequested),
        lambda rules: tuple(evolve(row, to=Phase.STREAMING) for row in rules),
    ),
    "an end during cancelling ignores the parked turn": ((Phase.CANCELLING, ev.TurnEnded), lambda rules: rules[-1:]),
    "late text of a stopped turn is sent": (
        (Phase.CANCELLING, ev.ChunkProduced),
        lambda rules: tuple(evolve(row, emit=TRANSITIONS[Phase.STREAMING, ev.ChunkProduced][0].emit) for row in rules),
    ),
    "a replaced parked turn gets no terminal frame": (
        (Phase.CANCELLING, ev.TurnRequested),
        lambda rules: (rules[0], rules[-1]),
    ),
}


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_a_mutated_row_is_found(name: str) -> None:
    key, mutate = MUTATIONS[name]

    class Mutant(Wire):
        table: ClassVar[Table] = {**TRANSITIONS, key: mutate(TRANSITIONS[key])}

    with pytest.raises((AssertionError, IllegalTransition)):
        run_state_machine_as_test(
            Mutant,
            settings=settings(
                max_examples=1000,
                stateful_step_count=40,
                deadline=None,
                database=None,
                phases=[Stage.generate],  # found is enough: a small example would take minutes
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
