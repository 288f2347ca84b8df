"""The parts of the machine's rows: guards (when a row holds), updates (how the state changes), emits (what is done).

Pure functions of the session before the event, and the event. Their names are the labels of the state diagram.
"""

from attrs import evolve

from actors.session import effects as do
from actors.session import events as ev
from actors.session.effects import AbortCause, Effect, Hangup
from actors.session.events import Event
from actors.session.state import Phase, Session
from protocol.errors import PeerProtocolError

# -- guards -----------------------------------------------------------------------------------------------------------


def is_routed(_session: Session, event: ev.TurnRequested) -> bool:
    return event.routed


def is_draining(session: Session, _event: Event) -> bool:
    return session.draining


def is_fatal(_session: Session, event: ev.FrameRefused) -> bool:
    return event.error.close_code is not None


def addresses_live(session: Session, event: ev.CancelRequested) -> bool:
    return session.live is not None and (not event.used or event.request_id == session.live.request_id)


def addresses_pending(session: Session, event: ev.CancelRequested) -> bool:
    return session.pending is not None and (not event.used or event.request_id == session.pending.request_id)


def has_pending(session: Session, _event: Event) -> bool:
    return session.pending is not None


def has_routed_pending(session: Session, _event: Event) -> bool:
    return session.pending is not None and session.pending.routed


def is_of_live(session: Session, event: ev.CancelOverdue) -> bool:
    return session.live is not None and event.turn == session.live.turn


# -- updates -----------------------------------------------------------------------------------------------------------


def take(session: Session, event: ev.TurnRequested) -> Session:
    return evolve(session, live=event)


def park(session: Session, event: ev.TurnRequested) -> Session:
    return evolve(session, pending=event)


def unpark(session: Session, _event: Event) -> Session:
    return evolve(session, pending=None)


def take_pending(session: Session, _event: Event) -> Session:
    return evolve(session, live=session.pending, pending=None)


def clear(session: Session, _event: Event) -> Session:
    return evolve(session, live=None, pending=None)


def drain(session: Session, _event: Event) -> Session:
    return evolve(session, draining=True)


# -- effects -----------------------------------------------------------------------------------------------------------


def begin(_session: Session, event: ev.TurnRequested) -> tuple[Effect, ...]:
    return do.AcceptTurn(event), do.StartTurn(event)


def begin_pending(session: Session, _event: Event) -> tuple[Effect, ...]:
    return (do.StartTurn(_some(session.pending)),)


def accept(_session: Session, event: ev.TurnRequested) -> tuple[Effect, ...]:
    return (do.AcceptTurn(event),)


def barge_in(session: Session, event: ev.TurnRequested) -> tuple[Effect, ...]:
    live = _some(session.live)
    return do.StopTurn(live.turn, AbortCause.BARGE_IN), _report(live, "barge_in"), do.AcceptTurn(event)


def replace_pending(session: Session, event: ev.TurnRequested) -> tuple[Effect, ...]:
    return _report(_some(session.pending), "barge_in"), do.AcceptTurn(event)


def barge_in_too_late(session: Session, event: ev.TurnRequested) -> tuple[Effect, ...]:
    return *barge_in(session, event), _report(event, "server_shutdown"), *goodbye(session, event)


def accept_too_late(session: Session, event: ev.TurnRequested) -> tuple[Effect, ...]:
    before = replace_pending(session, event) if session.pending else accept(session, event)
    return *before, _report(event, "server_shutdown"), *goodbye(session, event)


def cancel(session: Session, event: ev.CancelRequested) -> tuple[Effect, ...]:
    live = _some(session.live)
    return do.StopTurn(live.turn, AbortCause.CANCEL), _report_to(live, event)


def cancel_pending(session: Session, event: ev.CancelRequested) -> tuple[Effect, ...]:
    return (_report_to(_some(session.pending), event),)


def not_running(_session: Session, event: ev.CancelRequested) -> tuple[Effect, ...]:
    return (do.AnswerNotRunning(event),)


def hold(_session: Session, event: ev.ChunkProduced) -> tuple[Effect, ...]:
    return (do.HoldText(event),)


def send(_session: Session, event: ev.ChunkProduced) -> tuple[Effect, ...]:
    return (do.SendText(event),)


def announce(_session: Session, event: ev.Routed) -> tuple[Effect, ...]:
    return (do.AnnounceDecision(event),)


def conclude(session: Session, event: ev.TurnEnded) -> tuple[Effect, ...]:
    return (do.ConcludeTurn(_some(session.live), event),)


def conclude_and_leave(session: Session, event: ev.TurnEnded) -> tuple[Effect, ...]:
    return *conclude(session, event), *goodbye(session, event)


def pong(_session: Session, event: ev.PingReceived) -> tuple[Effect, ...]:
    return (do.SendPong(event),)


def refuse(_session: Session, event: ev.FrameRefused) -> tuple[Effect, ...]:
    return (do.SendError(event.error),)


def refuse_and_close(session: Session, event: ev.FrameRefused) -> tuple[Effect, ...]:
    report = _report_unfinished(session, event.error.reason_code)
    return *_stop(session, AbortCause.INTERNAL), *report, do.SendError(event.error), do.CloseConnection(Hangup.REFUSED)


def end(session: Session, event: ev.EndRequested) -> tuple[Effect, ...]:
    goodbye = do.SayGoodbye("client_request", event.session_id, event.request_id)
    return *_stop(session, AbortCause.END), goodbye, do.CloseConnection(Hangup.CLIENT_REQUEST)


def goodbye(_session: Session, _event: Event) -> tuple[Effect, ...]:
    return do.SayGoodbye("server_shutdown"), do.CloseConnection(Hangup.SHUTDOWN)


def shut_down(session: Session, event: Event) -> tuple[Effect, ...]:
    report = _report_unfinished(session, "server_shutdown")
    return *_stop(session, AbortCause.SHUTDOWN), *report, *goodbye(session, event)


def disconnect(session: Session, _event: Event) -> tuple[Effect, ...]:
    return *_stop(session, AbortCause.DISCONNECT), do.CloseConnection(Hangup.GONE)


def drop_slow_client(session: Session, _event: Event) -> tuple[Effect, ...]:
    return *_stop(session, AbortCause.SLOW_CONSUMER), do.CloseConnection(Hangup.SLOW_CONSUMER)


def expire(_session: Session, _event: Event) -> tuple[Effect, ...]:
    return (do.CloseConnection(Hangup.IDLE),)


def give_up(session: Session, _event: Event) -> tuple[Effect, ...]:
    report = (_report(session.pending, "internal_error"),) if session.pending else ()
    return *report, do.SendError(_stuck()), do.CloseConnection(Hangup.INTERNAL)


def _stop(session: Session, cause: AbortCause) -> tuple[Effect, ...]:
    """Stop the live turn, unless there is none or it has been stopped already."""
    if session.live is None or session.phase is Phase.CANCELLING:
        return ()
    return (do.StopTurn(session.live.turn, cause),)


def _report_unfinished(session: Session, reason: str) -> tuple[Effect, ...]:
    """The terminal frame of the acked turn that has had none, if there is one."""
    turn = session.pending or (session.live if session.phase is not Phase.CANCELLING else None)
    return (_report(turn, reason),) if turn else ()


def _report(turn: ev.TurnRequested, reason: str) -> Effect:
    return do.ReportCancelled(turn, turn.session_id, turn.request_id, reason)


def _report_to(turn: ev.TurnRequested, cancel: ev.CancelRequested) -> Effect:
    return do.ReportCancelled(turn, cancel.session_id, cancel.request_id, cancel.reason, cancel)


def _stuck() -> PeerProtocolError:
    message = "The server could not stop a turn and has to close this connection; connect again."
    return PeerProtocolError("internal_error", "internal_exception", message)


def _some(turn: ev.TurnRequested | None) -> ev.TurnRequested:
    assert turn is not None, "a phase with a turn has none"
    return turn


__all__ = [
    "accept",
    "accept_too_late",
    "addresses_live",
    "addresses_pending",
    "announce",
    "barge_in",
    "barge_in_too_late",
    "begin",
    "begin_pending",
    "cancel",
    "cancel_pending",
    "clear",
    "conclude",
    "conclude_and_leave",
    "disconnect",
    "drain",
    "drop_slow_client",
    "end",
    "expire",
    "give_up",
    "goodbye",
    "has_pending",
    "has_routed_pending",
    "hold",
    "is_draining",
    "is_fatal",
    "is_of_live",
    "is_routed",
    "not_running",
    "park",
    "pong",
    "refuse",
    "refuse_and_close",
    "replace_pending",
    "send",
    "shut_down",
    "take",
    "take_pending",
    "unpark",
]
