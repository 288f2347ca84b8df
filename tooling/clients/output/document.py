"""The one JSON document a client prints with `--json`."""

import datetime
import json
import math
from collections.abc import Mapping, Sequence

from attrs import frozen

from tooling.clients.failures import ClientError, Exit
from tooling.clients.session.exchange import Exchange

SCHEMA = "yap-client/1"
DEEPEST = 32


@frozen(kw_only=True)
class Run:
    """What every document says of the run itself. `server`: without the key; `config`: every effective flag."""

    client: str
    server: str
    started_at: datetime.datetime
    duration_s: float
    config: Mapping[str, object]


def document(
    run: Run,
    exit_code: Exit,
    *,
    turns: Sequence[Mapping[str, object]],
    summary: Mapping[str, object],
    failures: Sequence[Mapping[str, str]],
    warnings: Sequence[str],
) -> str:
    """The document as text."""
    content = {
        "schema": SCHEMA,
        "client": run.client,
        "ok": exit_code is Exit.PASSED,
        "exit_code": int(exit_code),
        "started_at": run.started_at.isoformat(timespec="milliseconds"),
        "duration_s": round(run.duration_s, 3),
        "server": run.server,
        "config": dict(run.config),
        "turns": list(turns),
        "summary": dict(summary),
        "failures": list(failures),
        "warnings": [{"kind": "warning", "where": run.client, "detail": warning} for warning in warnings],
    }
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)


def turn_record(turn: Exchange, connection: int, session_id: str) -> dict[str, object]:
    """One turn for the document; times in ms with one decimal, absent ones null."""
    measured = turn.meter.measured()
    names = ("ttfb_ms", "tool_ms", "three_words_ms", "sentence_ms", "total_ms")
    metrics: dict[str, object] = {name: _tenths(getattr(measured, name)) for name in names}
    return {
        "label": turn.label,
        "connection": connection,
        "session_id": session_id,
        "request_id": turn.request_id,
        "kind": turn.kind,
        "user": turn.user,
        "text": turn.meter.text(),
        "toolcall": _plain(turn.toolcall),
        "outcome": turn.outcome or "closed",
        "error": _plain(turn.error),
        "metrics": {**metrics, "chunks": measured.chunks, "chars": measured.chars},
        "usage": _plain(turn.usage),
        "finish_reason": turn.finish_reason,
        "timings": _plain(turn.timings),
    }


def failure_record(error: ClientError, where: str) -> dict[str, str]:
    """One failure for the document."""
    return {"kind": error.kind, "where": where, "detail": str(error)}


def _plain(value: object, depth: int = 0) -> object:
    """What a server said, as JSON that everybody reads: no number that is none, no end of boxes in boxes."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if not isinstance(value, Mapping | list):
        return value
    if depth == DEEPEST:
        return "..."
    if isinstance(value, Mapping):
        return {key: _plain(inner, depth + 1) for key, inner in value.items()}
    return [_plain(inner, depth + 1) for inner in value]


def _tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


__all__ = ["SCHEMA", "Run", "document", "failure_record", "turn_record"]
