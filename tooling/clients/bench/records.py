"""What a process of a bench run tells of a conversation: plain data, as it stands in the document."""

from collections.abc import Mapping
from typing import Any

from tooling.clients.bench.talking import Attempt, Spoken
from tooling.clients.failures import ClientError, Exit
from tooling.clients.output.document import turn_record

Told = Mapping[str, Any]


def attempt_record(attempt: Attempt, start_at: float) -> dict[str, object]:
    """One conversation for the parent. Moments are seconds from the start, latencies ms."""
    failure = attempt.failure
    return {
        "number": attempt.number,
        "over": attempt.over,
        "begun_s": round(attempt.begun_at - start_at, 4),
        "ended_s": round(attempt.ended_at - start_at, 4),
        "failure": failure and {"kind": failure.kind, "detail": str(failure), "exit": int(failure.exit)},
        "turns": [_turn(spoken, attempt, start_at, first=not index) for index, spoken in enumerate(attempt.turns)],
    }


def failure_of(record: Told) -> ClientError | None:
    """The failure of a conversation's record, as it was raised."""
    told = record["failure"]
    if told is None:
        return None
    failure = ClientError(told["detail"])
    failure.kind, failure.exit = told["kind"], Exit(told["exit"])
    return failure


def error_name(record: Told) -> str:
    """What a failed conversation is counted as: the server's code where it gave one, else the kind of failure."""
    turns = record["turns"]
    error = turns[-1]["error"] if turns else None
    if error is not None:
        details = error.get("details")
        reason = details.get("reason_code") if isinstance(details, dict) else None
        return f"{error.get('code')}/{reason}"
    return str(record["failure"]["kind"])


def _turn(spoken: Spoken, attempt: Attempt, start_at: float, *, first: bool) -> dict[str, object]:
    told = turn_record(spoken.turn, attempt.number, attempt.session_id)
    sent_at, measured = spoken.turn.meter.sent_at, spoken.turn.meter.measured()
    metrics = told["metrics"]
    assert isinstance(metrics, dict)
    late_s = None if spoken.intended_at is None else sent_at - spoken.intended_at
    metrics |= {
        "connect_ms": _tenths(attempt.connect_ms) if first else None,
        "cancel_ms": _tenths(spoken.cancel_ms),
        "late_ms": None if late_s is None else round(late_s * 1000, 1),
        "itl_ms": [round(gap, 2) for gap in measured.itl_ms],
    }
    return told | {
        "sent_s": round(sent_at - start_at, 4),
        "first": first,
        "interrupts": spoken.interrupts,
        "interrupted": spoken.interrupted,
    }


def _tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


__all__ = ["Told", "attempt_record", "error_name", "failure_of"]
