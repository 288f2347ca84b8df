"""What a load run amounts to: rows of latencies, rates, errors; as a table for people and as data."""

from collections import Counter
from collections.abc import Iterable, Sequence

from attrs import frozen

from tooling.clients.bench.load import LABELS, Attempt
from tooling.clients.output.percentiles import Summary, summarise
from tooling.clients.session.exchange import Exchange
from tooling.clients.session.latency import Metrics

COLUMNS = ("avg", "p50", "p90", "p95", "p99", "n")


@frozen
class Section:
    """The figures of one set of turns, by row name."""

    title: str
    rows: dict[str, Summary]


@frozen(kw_only=True)
class Outcome:
    """A whole run. `wall_s`: first connection to last end, or to the interruption."""

    attempts: tuple[Attempt, ...]
    wall_s: float

    def passed(self) -> int:
        """Connections whose turns all ended well."""
        return sum(attempt.failure is None for attempt in self.attempts)

    def errors(self) -> dict[str, int]:
        """Failed connections by kind, and by code where the server gave one."""
        return dict(Counter(_error_name(attempt) for attempt in self.attempts if attempt.failure is not None))

    def turns(self) -> list[Exchange]:
        """Every turn that was sent."""
        return [turn for attempt in self.attempts for turn in attempt.turns]

    def completion_tokens(self) -> int:
        """Output tokens by the engine's own count, of turns that ended well."""
        return sum(int((turn.usage or {}).get("completion_tokens", 0)) for turn in self._done())

    def rates(self) -> dict[str, float]:
        """Turns and output tokens per second of the run."""
        wall = self.wall_s or 1e-9
        return {"turns_per_s": len(self._done()) / wall, "tokens_per_s": self.completion_tokens() / wall}

    def sections(self) -> list[Section]:
        """One section, or one a turn of the connection when there were two."""
        done = self._done()
        connect = {"connect": summarise(attempt.connect_ms for attempt in self.attempts)}
        if not any(turn.label == LABELS[1] for turn in done):
            return [_section("", done, connect)]
        first, second = ([turn for turn in done if turn.label == label] for label in LABELS)
        return [_section("FIRST transaction:", first, connect), _section("SECOND transaction:", second, {})]

    def _done(self) -> list[Exchange]:
        return [turn for turn in self.turns() if turn.outcome == "done"]


def table(sections: Sequence[Section]) -> Iterable[str]:
    """The rows as lines, milliseconds."""
    width = max((len(name) for section in sections for name in section.rows), default=0)
    for section in sections:
        if section.title:
            yield section.title
        yield f"  {'ms':<{width}}" + "".join(f"{column:>9}" for column in COLUMNS)
        for name, row in section.rows.items():
            figures = (row.avg, row.p50, row.p90, row.p95, row.p99)
            yield f"  {name:<{width}}" + "".join(f"{figure:9.1f}" for figure in figures) + f"{row.n:9d}"


def _section(title: str, turns: Sequence[Exchange], first: dict[str, Summary | None]) -> Section:
    measured: list[Metrics] = [turn.meter.measured() for turn in turns]
    rows = first | {
        "TTFB (tool)": summarise(one.tool_ms for one in measured),
        "TTFB (chat)": summarise(one.ttfb_ms for one in measured),
        "ITL": summarise(gap for one in measured for gap in one.itl_ms),
        "3-words": summarise(one.three_words_ms for one in measured),
        "sentence": summarise(one.sentence_ms for one in measured),
        "total": summarise(one.total_ms for one in measured),
    }
    return Section(title, {name: row for name, row in rows.items() if row is not None})


def _error_name(attempt: Attempt) -> str:
    error = attempt.turns[-1].error if attempt.turns else None
    if error is not None:
        details = error.get("details")
        reason = details.get("reason_code") if isinstance(details, dict) else None
        return f"{error.get('code')}/{reason}"
    return attempt.failure.kind if attempt.failure is not None else ""


__all__ = ["Outcome", "Section", "table"]
