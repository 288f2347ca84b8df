"""What a load run amounts to: rows of latencies with their intervals, rates, errors; for people and as data."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from attrs import field, frozen

from tooling.clients.bench.records import Told, error_name
from tooling.clients.bench.samples import Section, sections
from tooling.clients.output.intervals import CONFIDENCE, FEWEST_CLUSTERS, Interval, Samples, enough, intervals
from tooling.clients.output.percentiles import Summary, summarise

QUANTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
COLUMN, FIGURE = 20, 8
METHOD = (
    f"in brackets: {CONFIDENCE:.0%} confidence, by percentile bootstrap over connections ({FEWEST_CLUSTERS} at least)"
)


@frozen(kw_only=True)
class Row:
    """One row: its figures and, by percentile, how far they can be trusted; None of too few connections."""

    section: str
    name: str
    summary: Summary
    intervals: Mapping[str, Interval] | None

    def told(self) -> dict[str, object]:
        """For JSON."""
        ranges = {name: one.rounded() for name, one in self.intervals.items()} if self.intervals else None
        return {**self.summary.rounded(), "intervals": ranges}


@frozen(kw_only=True)
class Outcome:
    """A whole run: the records of its conversations. `wall_s`: from the start to the last end, or the interruption."""

    attempts: Sequence[Told]
    wall_s: float
    seed: int = 0
    sections: list[Section] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "sections", sections(self.turns()))

    def over(self) -> list[Told]:
        """Conversations that came to an end."""
        return [attempt for attempt in self.attempts if attempt["over"]]

    def passed(self) -> int:
        """Conversations whose turns all ended well."""
        return sum(attempt["failure"] is None for attempt in self.over())

    def errors(self) -> dict[str, int]:
        """Failed conversations by kind, and by code where the server gave one."""
        return dict(Counter(error_name(attempt) for attempt in self.attempts if attempt["failure"] is not None))

    def turns(self) -> list[Told]:
        """Every turn that was sent."""
        return [turn for attempt in self.attempts for turn in attempt["turns"]]

    def interrupted(self) -> int:
        """Replies that the caller cut off; they are no failures."""
        return sum(turn["interrupted"] for turn in self.turns())

    def completion_tokens(self) -> int:
        """Output tokens by the engine's own count; those of an interrupted reply too, where the server counts them."""
        return sum(_count(turn, "completion_tokens") for turn in self._ended())

    def rates(self) -> dict[str, float]:
        """Turns that ended well and output tokens, per second of the run."""
        wall = self.wall_s or 1e-9
        done = sum(turn["outcome"] == "done" for turn in self.turns())
        return {"turns_per_s": done / wall, "tokens_per_s": self.completion_tokens() / wall}

    def cached(self) -> dict[str, dict[str, int] | None]:
        """Prompt tokens and those of them that the prefix cache knew, of first and of later turns; None where the
        engine does not say or there were none."""
        return {
            key: _cached([turn for turn in self._ended() if turn["first"] is first])
            for key, first in (("first", True), ("later", False))
        }

    def rows(self) -> list[Row]:
        """All rows of all sections, in order."""
        return [
            _row(section.key, name, samples, self.seed)
            for section in self.sections
            for name, samples in section.rows.items()
        ]

    def _ended(self) -> list[Told]:
        return [turn for turn in self.turns() if turn["outcome"] == "done" or turn["interrupted"]]


def table(found: Sequence[Section], rows: Sequence[Row]) -> Iterator[str]:
    """The rows as lines, milliseconds. A figure that rests on too few samples has a `?` before it."""
    width = max((len(row.name) for row in rows), default=0)
    for section in found:
        if section.title:
            yield section.title
        names = "".join(f"{name:>{FIGURE}}{'':{COLUMN - FIGURE}}" for name in QUANTILES)
        yield f"  {'ms':<{width}}{'avg':>{FIGURE}}{names}".rstrip()
        for row in rows:
            if row.section == section.key:
                cells = "".join(_cell(row, name) for name in QUANTILES)
                yield f"  {row.name:<{width}}{row.summary.avg:{FIGURE}.1f}{cells} n={row.summary.n}"


def too_few(rows: Sequence[Row]) -> str | None:
    """Which percentiles rest on too few samples, in one sentence; None if all are well founded."""
    wanted = {name: round(1 / (1 - q)) for name, q in QUANTILES.items()}
    poor = [name for name, q in QUANTILES.items() if any(not enough(row.summary.n, q) for row in rows)]
    if not poor:
        return None
    figures = ", ".join(f"{name} wants {wanted[name]}" for name in poor)
    return f"too few samples for what is marked with ?: {figures}; more -n, or a longer --duration, gives them"


def _row(section: str, name: str, samples: Samples, seed: int) -> Row:
    summary = summarise(samples.values.tolist())
    assert summary is not None
    found = intervals(samples, tuple(QUANTILES.values()), seed)
    return Row(
        section=section,
        name=name,
        summary=summary,
        intervals=None if found is None else dict(zip(QUANTILES, found, strict=True)),
    )


def _cell(row: Row, name: str) -> str:
    mark = "" if enough(row.summary.n, QUANTILES[name]) else "?"
    figure = f"{mark}{getattr(row.summary, name):.1f}"
    interval = row.intervals[name] if row.intervals else None
    told = f" [{_short(interval.low)}–{_short(interval.high)}]" if interval else ""
    return f"{figure:>{FIGURE}}{told:<{COLUMN - FIGURE}}"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _count(turn: Told, name: str) -> int:
    return int((turn["usage"] or {}).get(name) or 0)


def _cached(turns: Sequence[Told]) -> dict[str, int] | None:
    known = [turn for turn in turns if (turn["usage"] or {}).get("cached_tokens") is not None]
    if not known:
        return None
    return {
        "prompt_tokens": sum(_count(turn, "prompt_tokens") for turn in known),
        "cached_tokens": sum(_count(turn, "cached_tokens") for turn in known),
    }


__all__ = ["METHOD", "QUANTILES", "Outcome", "Row", "table", "too_few"]
