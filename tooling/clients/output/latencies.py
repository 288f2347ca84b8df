"""The latencies of a conversation: its first turn, which pays for the prompt, apart from all others."""

from collections.abc import Iterable, Mapping, Sequence

from tooling.clients.output.blocks import pieces
from tooling.clients.output.percentiles import Summary, summarise
from tooling.clients.session.exchange import Exchange

TITLE = "─────────────[ LATENCY SUMMARY ]─────────────"
ROWS = (("TTFB", "ttfb_ms"), ("3-WORDS", "three_words_ms"), ("SENTENCE", "sentence_ms"), ("TOOL", "tool_ms"))
SHORT = (("ttfb", "ttfb_ms"), ("3w", "three_words_ms"), ("sent", "sentence_ms"), ("tool", "tool_ms"))
NAMES = {
    "tool_ms": "TTFB (tool)",
    "ttfb_ms": "TTFB (chat)",
    "three_words_ms": "3-words",
    "sentence_ms": "sentence",
    "total_ms": "total",
}
METRICS = tuple(NAMES)
COLUMNS = ("avg", "p50", "p90", "p95", "n")


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
    return {
        "first": {metric: None if value is None else round(value, 1) for metric, value in first.items()},
        **{metric: row.rounded() for metric, row in rows_of(turns[1:]).items()},
    }


def rows_of(turns: Sequence[Exchange]) -> dict[str, Summary]:
    """The summary of each metric that any of those turns had which ended well."""
    rows = {metric: summarised(turns, metric) for metric in METRICS}
    return {metric: row for metric, row in rows.items() if row is not None}


def latency_table(sections: Mapping[str, Sequence[Exchange]]) -> list[str]:
    """Rows of many connections' turns under the name of their section, milliseconds; one without any is left out."""
    lines = []
    for name, turns in sections.items():
        rows = rows_of(turns)
        if rows:
            lines += [name, f"  {'ms':<11}" + "".join(f"{column:>9}" for column in COLUMNS)]
        for metric, row in rows.items():
            figures = "".join(f"{figure:9.1f}" for figure in (row.avg, row.p50, row.p90, row.p95))
            lines.append(f"  {NAMES[metric]:<11}{figures}{row.n:9d}")
    return lines


def summarised(turns: Iterable[Exchange], metric: str) -> Summary | None:
    """One metric of all those turns that ended well and had it."""
    return summarise(getattr(turn.meter.measured(), metric) for turn in turns if turn.outcome == "done")


def _row(label: str, summary: Summary) -> str:
    figures = (("avg", summary.avg), ("p50", summary.p50), ("p90", summary.p90), ("p95", summary.p95))
    return f"{label:>10}  " + "  ".join(f"{name}={value:6.0f}ms" for name, value in figures) + f"  (n={summary.n})"


__all__ = ["METRICS", "latency_data", "latency_lines", "latency_table", "rows_of", "summarised"]
