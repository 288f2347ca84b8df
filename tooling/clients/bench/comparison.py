"""A run beside an earlier one: ratios with their intervals, and what may be concluded from them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen

from tooling.clients.bench.report import Outcome
from tooling.clients.bench.samples import Section, sections
from tooling.clients.failures import UsageProblem
from tooling.clients.output.document import SCHEMA
from tooling.clients.output.intervals import Interval, Samples, enough, middle, resampled

COMPARED = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
NO_LOAD = frozenset(
    {"server", "auth", "lenient", "json", "quiet", "seed", "processes", "compare", "compare_anyway", "plot"}
)
"""Flags that say nothing of what is sent and when, but for chance."""
CAVEAT = (
    "each verdict is at 95 %: of twenty rows without any difference one is expected to show one; what drifted between "
    "the runs (another load, a warmer machine) is in the ratios too"
)
Told = Mapping[str, Any]


@frozen
class Earlier:
    """The document of a run, as far as it is compared."""

    name: str
    started_at: str
    server: str
    ok: bool
    config: Told
    summary: Told
    sections: list[Section]


@frozen(kw_only=True)
class Compared:
    """One percentile of one row in both runs, ms. `interval`: of the ratio new to old; None of too few connections."""

    section: str
    row: str
    percentile: str
    old: float
    new: float
    interval: Interval | None
    enough: bool

    @property
    def ratio(self) -> float:
        """New to old: over 1 is slower."""
        return self.new / self.old

    @property
    def judged(self) -> bool:
        """Whether there are samples enough for a verdict."""
        return self.interval is not None and self.enough

    @property
    def verdict(self) -> str:
        """What is shown, and no more than that."""
        if self.interval is None or not self.enough:
            return "too few samples"
        if self.interval.low > 1:
            return "worse"
        return "better" if self.interval.high < 1 else "no difference shown"

    def told(self) -> dict[str, object]:
        """For JSON."""
        return {
            "section": self.section,
            "row": self.row,
            "percentile": self.percentile,
            "old": round(self.old, 1),
            "new": round(self.new, 1),
            "ratio": round(self.ratio, 4),
            "interval": self.interval.rounded(4) if self.interval else None,
            "verdict": self.verdict,
        }


def read_earlier(name: str, text: str) -> Earlier:
    """An earlier run's document. Raises `UsageProblem`."""
    try:
        told = json.loads(text)
        if (told["schema"], told["client"]) != (SCHEMA, "bench"):
            raise KeyError("client")
        return Earlier(
            name,
            str(told["started_at"]),
            str(told["server"]),
            bool(told["ok"]),
            dict(told["config"]),
            dict(told["summary"]),
            sections(told["turns"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageProblem(
            f"--compare {name}: is not the document of a bench run; `just bench --json … > FILE` writes one"
        ) from None


def differences(earlier: Earlier, config: Told) -> list[str]:
    """Where the loads of two runs differ, by flag."""
    mine = json.loads(json.dumps(dict(config)))
    names = sorted((set(mine) | set(earlier.config)) - NO_LOAD)
    return [
        f"--{name.replace('_', '-')} was {_shown(earlier.config, name)}, is {_shown(mine, name)}"
        for name in names
        if earlier.config.get(name) != mine.get(name)
    ]


def compare(earlier: Earlier, outcome: Outcome) -> list[Compared]:
    """Every row that both runs have. Both are resampled apart; the ratio's interval is the middle of the resamples'
    ratios."""
    before = {section.key: section.rows for section in earlier.sections}
    found: list[Compared] = []
    for section in outcome.sections:
        for name, samples in section.rows.items():
            old = before.get(section.key, {}).get(name)
            if old is not None:
                found += _row(section.key, name, old, samples, outcome.seed)
    return found


def table(earlier: Earlier, outcome: Outcome, rows: Sequence[Compared]) -> Iterator[str]:
    """For people; old and new in milliseconds."""
    yield f"COMPARED WITH {earlier.name} ({earlier.started_at[:16].replace('T', ' ')} UTC, {earlier.server})"
    rows, unjudged = [row for row in rows if row.judged], sum(not row.judged for row in rows)
    names = [row.row if row.section == "all" else f"{row.section}: {row.row}" for row in rows]
    width = max(map(len, names), default=0)
    yield f"  {'ms':<{width}}        {'old':>9}{'new':>9}   ratio  95 %            verdict"
    for name, row in zip(names, rows, strict=True):
        interval = f"[{row.interval.low:.2f}–{row.interval.high:.2f}]" if row.interval else ""
        figures = f"{row.old:9.1f}{row.new:9.1f}{row.ratio:8.2f}"
        yield f"  {name:<{width}}  {row.percentile:<6}{figures}  {interval:<14}  {row.verdict}"
    for name, rate in outcome.rates().items():
        old = earlier.summary.get(name)
        if isinstance(old, int | float) and old:
            yield f"  {name:<{width}}        {old:9.2f}{rate:9.2f}{rate / old:8.2f}  {'':<14}  not judged"
    if unjudged:
        yield f"left out, as too few samples say nothing: {unjudged} percentiles (--json has them)"
    if rows:
        yield CAVEAT


def _row(section: str, name: str, old: Samples, new: Samples, seed: int) -> Iterator[Compared]:
    quantiles = tuple(COMPARED.values())
    before, after = resampled(old, quantiles, seed), resampled(new, quantiles, seed + 1)
    for column, (percentile, quantile) in enumerate(COMPARED.items()):
        was, now = (float(np.quantile(samples.values, quantile)) for samples in (old, new))
        if was <= 0:
            continue
        yield Compared(
            section=section,
            row=name,
            percentile=percentile,
            old=was,
            new=now,
            interval=_ratio(before[:, column], after[:, column]) if before is not None and after is not None else None,
            enough=enough(len(old), quantile) and enough(len(new), quantile),
        )


def _ratio(before: Any, after: Any) -> Interval:
    count = min(len(before), len(after))
    return middle(after[:count] / np.maximum(before[:count], 1e-9))


def _shown(config: Told, name: str) -> str:
    return json.dumps(config[name]) if config.get(name) is not None else "not given"


__all__ = ["Compared", "Earlier", "compare", "differences", "read_earlier", "table"]
