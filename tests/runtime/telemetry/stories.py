"""Happenings, as actors tell them: a session with turns that end in every way."""

from attrs import evolve

from actors.happenings import GenerationTold, RouteTold, SessionClosed, SessionOpened, Speech, TurnOver, TurnStatus
from actors.session.effects import AbortCause, Hangup
from engines.base import Usage
from runtime.telemetry.recorder import Model

MODEL = Model("vllm", "owner/voice")
GENERATION = GenerationTold(
    submitted_at=10.02,
    first_at=10.05,
    ended_at=10.5,
    usage=Usage(prompt_tokens=120, completion_tokens=24, cached_tokens=96),
    end="stop",
)
TURN = TurnOver(
    session=7,
    turn=1,
    session_id="s-7",
    request_id="r-1",
    kind="start",
    status=TurnStatus.COMPLETED,
    reason="stop",
    cause=None,
    error_type=None,
    read_at=10.0,
    ended_at=10.5,
    queued_s=0.02,
    first_text_at=10.06,
    usage=GENERATION.usage,
    generations=(GENERATION,),
    route=None,
    speech=Speech(1, 0.25),
    interrupted=None,
)
BARGED_IN = evolve(
    TURN,
    turn=2,
    request_id="r-2",
    kind="message",
    status=TurnStatus.CANCELLED,
    reason="barge_in",
    cause=AbortCause.BARGE_IN,
    generations=(evolve(GENERATION, end="aborted", cause=AbortCause.BARGE_IN),),
)
ROUTED = evolve(
    TURN,
    turn=3,
    request_id="r-3",
    kind="message",
    interrupted=2,
    route=RouteTold(started_at=10.0, seconds=0.015, yes=True, score=0.9),
    generations=(
        evolve(GENERATION, submitted_at=10.0, ended_at=10.015, end="aborted", cause=AbortCause.SPECULATION),
        evolve(GENERATION, usage=Usage(120, 24)),
    ),
)
FAILED = evolve(
    TURN,
    turn=4,
    request_id="r-4",
    kind="message",
    status=TurnStatus.FAILED,
    reason="engine_error",
    error_type="EngineDead",
    generations=(evolve(GENERATION, first_at=None, end="failed"),),
    route=RouteTold(started_at=10.0, seconds=0.1, yes=False, score=None),
    speech=None,
    first_text_at=None,
)
OPENED = SessionOpened(7, 9.0)
CLOSED = SessionClosed(session=7, opened_at=9.0, at=11.0, turns=3, why=Hangup.CLIENT_REQUEST, session_id="s-7")
STORY = (OPENED, TURN, BARGED_IN, ROUTED, FAILED, CLOSED)

__all__ = ["BARGED_IN", "CLOSED", "FAILED", "GENERATION", "MODEL", "OPENED", "ROUTED", "STORY", "TURN"]
