"""The latencies of a conversation: its first turn, which pays for the prompt, apart from all others."""

from collections.abc import Iterable, Sequence

from tooling.clients.output.blocks import pieces
from tooling.clients.output.percentiles import Summary, summarise
from tooling.clients.session.exchange import Exchange

TITLE = "─────────────[ LATENCY SUMMARY ]─────────────"
ROWS = (("TTFB", "ttfb_ms"), ("3-WORDS", "three_words_ms"), ("SENTENCE", "sentence_ms"), ("TOOL", "tool_ms"))
SHORT = (("ttfb", "ttfb_ms"), ("3w", "three_words_ms"), ("sent", "sentence_ms"), ("tool", "tool_ms"))
METRICS = ("ttfb_ms", "tool_ms", "three_words_ms", "sentence_ms", "total_ms")


def latency_lines(turns: Sequence[Exchange]) -> list[str]:
    """The summary of one connection's turns, in the order they were sent; nothing if none was.

    The first turn stands in its own row and counts in no other, whatever it lacked. Of the later ones those count that
    ended well.
    """
    if not turns:
        return []
    measured = turns[0].meter.measured()
    first = pieces([(name, getattr(measured, metric)) for name, metric in SHORT]) or "no reply"
    lines = [TITLE, f"  FIRST  (includes prefill)  {first}"]
    for label, metric in ROWS:
        summary = summarised(turns[1:], metric)
        if summary is not None:
            lines.append(_row(label, summary))
    return lines


def latency_data(turns: Sequence[Exchange]) -> dict[str, object]:
    """The same for the JSON document: `first`, and a summary per metric without it; ms with one decimal."""
    if not turns:
        return {}
    measured = turns[0].meter.measured()
    first = {metric: getattr(measured, metric) for metric in METRICS}
    rows = {metric: summarised(turns[1:], metric) for metric in METRICS}
    return {
        "first": {metric: None if value is None else round(value, 1) for metric, value in first.items()},
        **{metric: row.rounded() for metric, row in rows.items() if row is not None},
    }


def summarised(turns: Iterable[Exchange], metric: str) -> Summary | None:
    """One metric of all those turns that ended well and had it."""
    return summarise(getattr(turn.meter.measured(), metric) for turn in turns if turn.outcome == "done")


def _row(label: str, summary: Summary) -> str:
    figures = (("avg", summary.avg), ("p50", summary.p50), ("p90", summary.p90), ("p95", summary.p95))
    return f"{label:>10}  " + "  ".join(f"{name}={value:6.0f}ms" for name, value in figures) + f"  (n={summary.n})"


__all__ = ["METRICS", "latency_data", "latency_lines", "summarised"]
