"""A run as a picture: latencies as they came, their distributions, and how much went on at a time."""

from collections.abc import Sequence

from tooling.clients.bench.records import Told
from tooling.clients.drawing.picture import Panel, Picture, Series, concurrency, ecdf

METRICS = (("TTFB", "ttfb_ms"), ("toolcall", "tool_ms"), ("3 words", "three_words_ms"), ("sentence", "sentence_ms"))
WHOLE = ("whole turn", "total_ms")
CANCEL = ("cancel", "cancel_ms")
LEAST_MS = 1.0
"""Where the logarithmic axis begins: two tokens read at once are no time apart."""
SENT = "seconds from the start"


def picture(title: str, turns: Sequence[Told], attempts: Sequence[Told], notes: str) -> Picture:
    """Three panels. Interrupted replies are in the panels but for how long they took."""
    done = [turn for turn in turns if turn["outcome"] == "done"]
    return Picture(
        title=title, panels=(_over_time(turns), _distributions(turns, done), _running(turns, attempts)), notes=notes
    )


def _over_time(turns: Sequence[Told]) -> Panel:
    shown = [turn for turn in turns if turn["metrics"]["ttfb_ms"] is not None]
    kinds = (
        ("TTFB", [turn for turn in shown if not turn["interrupts"] and not turn["interrupted"]]),
        ("TTFB, interrupted later", [turn for turn in shown if turn["interrupted"]]),
        ("TTFB, said into a reply", [turn for turn in shown if turn["interrupts"]]),
    )
    series = [_points(name, part, "ttfb_ms") for name, part in kinds if part]
    failed = [turn for turn in turns if turn["outcome"] != "done" and not turn["interrupted"]]
    if failed:
        floor = min((turn["metrics"]["ttfb_ms"] for turn in shown), default=1.0)
        series.append(
            Series("failed", tuple(turn["sent_s"] for turn in failed), tuple(floor for _ in failed), "crosses")
        )
    return Panel(title="Time to first token, by when the turn was sent", x=SENT, y="ms", series=tuple(series))


def _points(name: str, turns: Sequence[Told], metric: str) -> Series:
    pairs = sorted((turn["sent_s"], turn["metrics"][metric]) for turn in turns)
    return Series(name, tuple(at for at, _ in pairs), tuple(value for _, value in pairs), "points")


def _distributions(turns: Sequence[Told], done: Sequence[Told]) -> Panel:
    found = []
    for part, (name, metric) in [*((turns, one) for one in METRICS), (done, WHOLE), (turns, CANCEL)]:
        values = [turn["metrics"][metric] for turn in part if turn["metrics"].get(metric) is not None]
        if values:
            found.append(ecdf(f"{name} (n={len(values)})", values))
    gaps = [max(gap, LEAST_MS) for turn in turns for gap in turn["metrics"]["itl_ms"]]
    if gaps:
        found.append(ecdf(f"between tokens (n={len(gaps)})", gaps))
    return Panel(
        title="Share of turns at or below", x="ms, logarithmic", y="share", series=tuple(found), log_x=bool(found)
    )


def _running(turns: Sequence[Told], attempts: Sequence[Told]) -> Panel:
    spans = [
        (turn["sent_s"], turn["sent_s"] + turn["metrics"]["total_ms"] / 1000)
        for turn in turns
        if turn["metrics"]["total_ms"] is not None
    ]
    opened = [(attempt["begun_s"], attempt["ended_s"]) for attempt in attempts]
    return Panel(
        title="At a time",
        x=SENT,
        y="count",
        series=(concurrency("conversations", opened), concurrency("turns that run", spans)),
    )


__all__ = ["picture"]
