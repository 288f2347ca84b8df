"""The session machine: what is legal in which phase, and what follows.

Two rules. Every phase change is a row of `TRANSITIONS`: nothing else in the project changes a phase. And this module,
with `rules` and `state`, is pure: no trio, logger, clock or engine is imported here (a lint contract enforces it).

A turn that is stopped is reported at once (`cancelled` does not wait for the engine) and its task is then awaited in
CANCELLING, so that two turns of one session never run side by side. Events of that turn which were already on their
way when it was stopped are legal there and do nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, frozen

from actors.session import events as ev
from actors.session import rules
from actors.session.effects import Effect
from actors.session.errors import IllegalTransition
from actors.session.events import Event
from actors.session.state import Phase, Session

# Rules are looked up by event type; their functions take that type, which a Mapping cannot say: hence Any.
Emit = Callable[[Session, Any], tuple[Effect, ...]]
Update = Callable[[Session, Any], Session]
Guard = Callable[[Session, Any], bool]


def _nothing(_session: Session, _event: Any) -> tuple[Effect, ...]:
    return ()


def _same(session: Session, _event: Any) -> Session:
    return session


@frozen
class Rule:
    """One row: the next phase, what is done, how the state changes, and the guard under which the row holds."""

    to: Phase
    emit: Emit = _nothing
    update: Update = _same
    when: Guard | None = None


Table = Mapping[tuple[Phase, type], tuple[Rule, ...]]
IDLE, ROUTING, STREAMING, CANCELLING, CLOSED = Phase


def _in_any_phase(phase: Phase) -> dict[tuple[Phase, type], tuple[Rule, ...]]:
    """Rows that every live phase shares."""
    return {
        (phase, ev.PingReceived): (Rule(phase, rules.pong),),
        (phase, ev.FrameRefused): (
            Rule(CLOSED, rules.refuse_and_close, when=rules.is_fatal),
            Rule(phase, rules.refuse),
        ),
        (phase, ev.EndRequested): (Rule(CLOSED, rules.end),),
        (phase, ev.ClientGone): (Rule(CLOSED, rules.disconnect),),
        (phase, ev.ClientStalled): (Rule(CLOSED, rules.drop_slow_client),),
        (phase, ev.DrainStarted): (Rule(phase, update=rules.drain),),
        (phase, ev.DrainExpired): (Rule(CLOSED, rules.shut_down),),
        (phase, ev.CancelOverdue): (Rule(phase),),  # it crossed the end of the turn that it was about
    }


def _with_a_turn(phase: Phase) -> dict[tuple[Phase, type], tuple[Rule, ...]]:
    """Rows that the two phases with a turn at work share."""
    return {
        **_in_any_phase(phase),
        (phase, ev.TurnRequested): (
            Rule(CLOSED, rules.barge_in_too_late, when=rules.is_draining),
            Rule(CANCELLING, rules.barge_in, rules.park),
        ),
        (phase, ev.CancelRequested): (
            Rule(CANCELLING, rules.cancel, when=rules.addresses_live),
            Rule(phase, rules.not_running),  # the id of a turn that has already ended
        ),
        (phase, ev.TurnEnded): (
            Rule(CLOSED, rules.conclude_and_leave, rules.clear, when=rules.is_draining),
            Rule(IDLE, rules.conclude, rules.clear),
        ),
    }


TRANSITIONS: Table = {
    **_in_any_phase(IDLE),
    (IDLE, ev.TurnRequested): (
        Rule(ROUTING, rules.begin, rules.take, when=rules.is_routed),
        Rule(STREAMING, rules.begin, rules.take),
    ),
    (IDLE, ev.CancelRequested): (Rule(IDLE, rules.not_running),),
    (IDLE, ev.IdleExpired): (Rule(CLOSED, rules.expire),),
    (IDLE, ev.DrainStarted): (Rule(CLOSED, rules.goodbye),),
    **_with_a_turn(ROUTING),
    (ROUTING, ev.ChunkProduced): (Rule(ROUTING, rules.hold),),  # speculative text waits for the decision
    (ROUTING, ev.Routed): (Rule(STREAMING, rules.announce),),
    **_with_a_turn(STREAMING),
    (STREAMING, ev.ChunkProduced): (Rule(STREAMING, rules.send),),
    **_in_any_phase(CANCELLING),
    (CANCELLING, ev.TurnRequested): (
        Rule(CLOSED, rules.accept_too_late, when=rules.is_draining),
        Rule(CANCELLING, rules.replace_pending, rules.park, when=rules.has_pending),
        Rule(CANCELLING, rules.accept, rules.park),
    ),
    (CANCELLING, ev.CancelRequested): (
        Rule(CANCELLING, rules.cancel_pending, rules.unpark, when=rules.addresses_pending),
        Rule(CANCELLING, rules.not_running),
    ),
    (CANCELLING, ev.ChunkProduced): (Rule(CANCELLING),),  # in flight when the turn was stopped: never shown
    (CANCELLING, ev.Routed): (Rule(CANCELLING),),
    (CANCELLING, ev.TurnEnded): (
        Rule(ROUTING, rules.begin_pending, rules.take_pending, when=rules.has_routed_pending),
        Rule(STREAMING, rules.begin_pending, rules.take_pending, when=rules.has_pending),
        Rule(CLOSED, rules.goodbye, rules.clear, when=rules.is_draining),
        Rule(IDLE, update=rules.clear),
    ),
    (CANCELLING, ev.CancelOverdue): (
        Rule(CLOSED, rules.give_up, when=rules.is_of_live),
        Rule(CANCELLING),
    ),
}


def step(session: Session, event: Event, table: Table = TRANSITIONS) -> tuple[Session, tuple[Effect, ...]]:
    """The session after `event`, and what to do, in order. Raises `IllegalTransition`, changing nothing."""
    for rule in table.get((session.phase, type(event)), ()):
        if rule.when is None or rule.when(session, event):
            after = rule.update(session, event)
            return after if after.phase is rule.to else evolve(after, phase=rule.to), rule.emit(session, event)
    raise IllegalTransition(session.phase, event)


POURS = frozenset(phase for phase in Phase if TRANSITIONS.get((phase, ev.ChunkProduced)) == (Rule(phase, rules.send),))
"""Phases in which text changes nothing and is only sent: `step` would give the same session and one `SendText`. There,
and if nothing waits before it, an actor may send a turn's text without making an event of it."""

__all__ = ["POURS", "TRANSITIONS", "Rule", "Table", "step"]
