"""The machine against its own rules: the grid of phase and event, and single steps."""

from collections.abc import Mapping
from typing import get_args

import pytest

from actors.session import effects as do
from actors.session import events as ev
from actors.session.errors import IllegalTransition
from actors.session.events import Ending
from actors.session.machine import TRANSITIONS, step
from actors.session.state import Phase, Session
from protocol.errors import invalid_message
from tests.actors.session.client_events import cancel, turn
from tooling.diagram import PAGE, page

SAMPLES: Mapping[type, ev.Event] = {
    type(event): event
    for event in (
        turn(9),
        cancel(),
        ev.EndRequested("s", "e"),
        ev.PingReceived("s", "p"),
        ev.FrameRefused(invalid_message("invalid_json", "no")),
        ev.ClientGone(),
        ev.ClientStalled(),
        ev.ChunkProduced(1, "x"),
        ev.Routed(turn=1, yes=False),
        ev.TurnEnded(turn=1, how=Ending.COMPLETED),
        ev.IdleExpired(),
        ev.DrainStarted(),
        ev.DrainExpired(),
        ev.CancelOverdue(1),
    )
}


def session_in(phase: Phase, *, pending: bool = False, draining: bool = False) -> Session:
    live = None if phase in (Phase.IDLE, Phase.CLOSED) else turn(1, routed=phase is Phase.ROUTING)
    return Session(phase, live, turn(2) if pending else None, draining)


def test_the_samples_cover_every_event() -> None:
    assert set(SAMPLES) == set(get_args(ev.Event))


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("kind", list(SAMPLES), ids=lambda kind: kind.__name__)
def test_the_grid_of_phase_and_event_is_exactly_the_table(phase: Phase, kind: type) -> None:
    session = session_in(phase)
    if (phase, kind) in TRANSITIONS:
        after, _effects = step(session, SAMPLES[kind])
        assert after.phase in {row.to for row in TRANSITIONS[phase, kind]}
    else:
        with pytest.raises(IllegalTransition, match=f"{kind.__name__} in phase {phase.name}"):
            step(session, SAMPLES[kind])


def test_a_closed_session_has_no_rows() -> None:
    assert not [key for key in TRANSITIONS if key[0] is Phase.CLOSED]


def test_the_last_rule_of_every_row_holds_without_a_guard() -> None:
    assert all(rules[-1].when is None for rules in TRANSITIONS.values())


def test_the_state_diagram_in_the_docs_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_a_cancel_that_names_an_ended_turn_leaves_the_running_one_alone() -> None:
    after, effects = step(session_in(Phase.STREAMING), cancel("r0", used=True))
    assert after.phase is Phase.STREAMING
    assert [type(effect) for effect in effects] == [do.AnswerNotRunning]


def test_a_cancel_with_a_new_id_stops_the_running_turn_at_once() -> None:
    after, effects = step(session_in(Phase.STREAMING), cancel("anything"))
    assert after.phase is Phase.CANCELLING
    assert [type(effect) for effect in effects] == [do.StopTurn, do.ReportCancelled]


def test_a_barge_in_reports_the_old_turn_before_it_accepts_the_new_one() -> None:
    after, effects = step(session_in(Phase.ROUTING), turn(2))
    assert after.pending is not None and after.pending.turn == 2
    assert [type(effect) for effect in effects] == [do.StopTurn, do.ReportCancelled, do.AcceptTurn]


def test_a_barge_in_on_a_parked_turn_gives_that_turn_its_terminal_frame() -> None:
    after, effects = step(session_in(Phase.CANCELLING, pending=True), turn(3))
    assert after.pending is not None and after.pending.turn == 3
    report = effects[0]
    assert isinstance(report, do.ReportCancelled) and report.turn.turn == 2


def test_a_barge_in_while_draining_is_told_goodbye() -> None:
    after, effects = step(session_in(Phase.STREAMING, draining=True), turn(2))
    assert after.phase is Phase.CLOSED
    reported = [effect.turn.turn for effect in effects if isinstance(effect, do.ReportCancelled)]
    assert reported == [1, 2]
    assert isinstance(effects[-1], do.CloseConnection)
