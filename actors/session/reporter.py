"""What a session tells of its turns: each accepted one ends once, here and in the log, whoever ended it."""

from collections.abc import Callable

import structlog
import trio
from attrs import define, field, frozen

from actors.generation import Generation, GenerationState
from actors.happenings import (
    NOBODY,
    FrameRefused,
    GenerationTold,
    Observer,
    SessionClosed,
    SessionOpened,
    Speech,
    TurnAccepted,
    TurnOver,
    TurnStatus,
)
from actors.log_context import shown
from actors.session import events as ev
from actors.session.effects import AbortCause, Hangup
from actors.session.outbox import Outbox, milliseconds
from actors.session.turn import Turn
from actors.session.verdict import End, Verdict
from engines.base import Usage
from protocol.errors import PeerProtocolError

log = structlog.get_logger()

CAUSES = {
    Hangup.CLIENT_REQUEST: AbortCause.END,
    Hangup.SHUTDOWN: AbortCause.SHUTDOWN,
    Hangup.SLOW_CONSUMER: AbortCause.SLOW_CONSUMER,
    Hangup.GONE: AbortCause.DISCONNECT,
}
"""Why a turn that never began is not coming any more, by the way in which its connection ends."""

REASON_CODES = {
    End.EMPTY: "empty_model_output",
    End.FAILED: "engine_error",
    End.TIMED_OUT: "generation_timeout",
}
"""What went wrong, in the words of the wire, where the verdict has others."""


@define(eq=False)
class Reporter:
    """Tells the observer of one session. `session`: its number. `outbox`: knows when a turn had its first text."""

    session: int
    outbox: Outbox
    observer: Observer = NOBODY
    clock: Callable[[], float] = trio.current_time
    turns: int = 0
    _opened_at: float = field(init=False)
    _session_id: str | None = None
    _open: dict[int, ev.TurnRequested] = field(factory=dict)
    _interrupts: dict[int, int] = field(factory=dict)
    _interrupted: int | None = None

    def __attrs_post_init__(self) -> None:
        self._opened_at = self.clock()

    def opened(self) -> None:
        """The session begins."""
        self._opened_at = self.clock()
        self.observer.report(SessionOpened(self.session, self._opened_at))

    def closed(self, last: Turn | None) -> None:
        """The session is over; with it every turn that has not ended. `last`: the turn that ran last, if one did."""
        why = self.outbox.hangup
        for request in tuple(self._open.values()):
            cause = CAUSES.get(why) if why is not None else None
            turn = last if last is not None and last.request is request else None
            self._over(request, turn, _CRASHED if cause is None else _cancelled(cause))
        self.observer.report(
            SessionClosed(
                session=self.session,
                opened_at=self._opened_at,
                at=self.clock(),
                turns=self.turns,
                why=why,
                session_id=self._session_id,
            )
        )

    def refused(self, error: PeerProtocolError) -> None:
        """A frame of the client's was answered with an error."""
        self.observer.report(FrameRefused(error.code, error.reason_code))

    def accepted(self, request: ev.TurnRequested) -> None:
        """A turn was acked."""
        self._session_id = shown(request.session_id)
        self._open[request.turn] = request
        if self._interrupted is not None:
            self._interrupts[request.turn] = self._interrupted
            self._interrupted = None
        self.observer.report(TurnAccepted(self.session, request.turn, request.kind.value))

    def stopped(self, turn: Turn, cause: AbortCause) -> None:
        """The running turn was stopped."""
        if cause is AbortCause.BARGE_IN:
            self._interrupted = turn.number
        self._over(turn.request, turn, _cancelled(cause))

    def not_begun(self, request: ev.TurnRequested, reason: str, *, by_client: bool) -> None:
        """A turn that waited for its beginning was given up; without effect on one that has ended."""
        cause = AbortCause.CANCEL if by_client else _GIVEN_UP.get(reason, AbortCause.INTERNAL)
        if cause is AbortCause.BARGE_IN and request.turn in self._open:
            self._interrupted = request.turn
        self._over(request, None, _cancelled(cause))

    def concluded(self, turn: Turn, verdict: Verdict) -> None:
        """The running turn ended by itself."""
        self.turns += 1
        status = TurnStatus.COMPLETED if verdict.end is End.DONE else TurnStatus.FAILED
        cause = AbortCause.TIMEOUT if verdict.end is End.TIMED_OUT else None
        # What exactly failed is free text: the log has it, no metric does.
        reason = REASON_CODES.get(verdict.end, verdict.reason)
        self._over(turn.request, turn, _Outcome(status, verdict.end.value, verdict.reason, reason, cause))

    def _over(self, request: ev.TurnRequested, turn: Turn | None, outcome: "_Outcome") -> None:
        if self._open.pop(request.turn, None) is None:
            return
        now = self.clock()
        generations = () if turn is None else tuple(_told(each, now) for each in turn.generations)
        over = TurnOver(
            session=self.session,
            turn=request.turn,
            session_id=shown(request.session_id),
            request_id=shown(request.request_id),
            kind=request.kind.value,
            status=outcome.status,
            reason=outcome.reason,
            cause=outcome.cause,
            error_type=None if turn is None or outcome.status is not TurnStatus.FAILED else turn.error_type,
            read_at=request.read_at,
            ended_at=now,
            queued_s=None if turn is None or not generations else generations[-1].submitted_at - request.read_at,
            first_text_at=self.outbox.first_text_at(request.turn),
            usage=Usage() if turn is None else turn.usage,
            generations=generations,
            route=None if turn is None else turn.route,
            speech=None if turn is None else _speech(turn, now),
            interrupted=self._interrupts.pop(request.turn, None),
        )
        self._log(over, outcome)
        self.observer.report(over)

    def _log(self, over: TurnOver, outcome: "_Outcome") -> None:
        """The canonical line of a turn; texts are not in it."""
        first = over.generations[-1].first_at if over.generations else None
        log.info(
            "turn.finished",
            session=over.session,
            session_id=over.session_id,
            request_id=over.request_id,
            turn=over.turn,
            kind=over.kind,
            how=outcome.how,
            cause=outcome.why,
            prompt_tokens=over.usage.prompt_tokens,
            tokens=over.usage.completion_tokens,
            cached_tokens=over.usage.cached_tokens,
            queue_ms=None if over.queued_s is None else milliseconds(over.queued_s),
            route_ms=None if over.route is None else milliseconds(over.route.seconds),
            engine_ttft_ms=None if first is None else milliseconds(first - over.read_at),
            ttft_ms=None if over.first_text_at is None else milliseconds(over.first_text_at - over.read_at),
            total_ms=milliseconds(over.ended_at - over.read_at),
        )


@frozen
class _Outcome:
    """`how` and `why` are the log's words, `why` free text where something failed; `reason` is one of a few words."""

    status: TurnStatus
    how: str
    why: str
    reason: str
    cause: AbortCause | None = None


_CRASHED = _Outcome(TurnStatus.FAILED, "failed", "internal_exception", "internal_exception")
_GIVEN_UP = {"barge_in": AbortCause.BARGE_IN, "server_shutdown": AbortCause.SHUTDOWN}
"""Why a waiting turn was given up, by the reason of its `cancelled`."""


def _cancelled(cause: AbortCause) -> _Outcome:
    return _Outcome(TurnStatus.CANCELLED, "cancelled", cause.value, cause.value, cause)


def _told(generation: Generation, now: float) -> GenerationTold:
    state = generation.state
    if state is GenerationState.FINISHED:
        end = generation.finish_reason
    else:
        end = "failed" if state is GenerationState.FAILED else "aborted"
    return GenerationTold(
        submitted_at=generation.submitted_at,
        first_at=generation.first_output_at,
        ended_at=now if generation.ended_at is None else generation.ended_at,
        usage=generation.usage,
        end=end,
        cause=generation.cause,
        arrivals=() if generation.arrivals is None else generation.arrivals,
    )


def _speech(turn: Turn, now: float) -> Speech | None:
    voice = turn.voice
    if voice is None:
        return None
    voice.end(now)
    return Speech(voice.pauses, voice.silence_s) if voice.speaks else None


__all__ = ["Reporter"]
