"""What a run shows: the slope of every series beside what it may be, and what is left once all callers have gone."""

import math
from collections.abc import Callable, Iterator, Sequence
from enum import Enum

from attrs import field, frozen

from tooling.benchmarks.endurance.sampling import Sample, Window
from tooling.benchmarks.endurance.trend import Trend, trend

HOUR_S = 3600.0


class Verdict(Enum):
    """Of a slope's interval beside its tolerance."""

    HOLDS = "holds"
    GROWS = "GROWS"
    UNKNOWN = "too short to tell"


@frozen(kw_only=True)
class Series:
    """What is looked at. `tolerance`: by how much an hour it may grow; with `relative`, as a share of its mean."""

    name: str
    unit: str
    tolerance: float
    relative: bool = False
    of_sample: Callable[[Sample], float] | None = None
    of_window: Callable[[Window], float | None] | None = None

    def points(self, samples: Sequence[Sample], windows: Sequence[Window]) -> tuple[list[float], list[float]]:
        """Seconds and values, without what could not be measured."""
        found: list[tuple[float, float | None]] = []
        if self.of_sample is not None:
            found = [(one.at, self.of_sample(one)) for one in samples]
        elif self.of_window is not None:
            found = [(one.at, self.of_window(one)) for one in windows]
        kept = [(at, value) for at, value in found if value is not None and not math.isnan(value)]
        return [at for at, _ in kept], [value for _, value in kept]


EVERY = (
    Series(name="server memory", unit="MiB", tolerance=4.0, of_sample=lambda one: one.server_mib),
    Series(name="engine memory", unit="MiB", tolerance=16.0, of_sample=lambda one: one.engine_mib),
    Series(
        name="server descriptors beside connections",
        unit="",
        tolerance=1.0,
        of_sample=lambda one: one.server_descriptors - one.connections,
    ),
    Series(name="engine descriptors", unit="", tolerance=1.0, of_sample=lambda one: one.engine_descriptors),
    Series(name="tasks", unit="", tolerance=2.0, of_sample=lambda one: one.tasks),
    Series(name="requests in the engine", unit="", tolerance=0.5, of_sample=lambda one: one.unfinished),
    Series(name="TTFT p50", unit="ms", tolerance=0.1, relative=True, of_window=lambda one: one.ttft_p50_ms),
    Series(name="TTFT p99", unit="ms", tolerance=0.25, relative=True, of_window=lambda one: one.ttft_p99_ms),
    Series(name="ITL p50", unit="ms", tolerance=0.1, relative=True, of_window=lambda one: one.itl_p50_ms),
    Series(name="ITL p99", unit="ms", tolerance=0.25, relative=True, of_window=lambda one: one.itl_p99_ms),
)
"""Memory of a process goes up in steps and seldom down: what it may grow is what fragmentation takes, not what a
connection or a turn that is kept would."""


@frozen(kw_only=True)
class Finding:
    """A series of a run, per hour. `trend` is None of one that is too short for any slope."""

    series: Series = field(repr=False)
    trend: Trend | None

    @property
    def tolerance(self) -> float:
        """In the series' own unit."""
        mean = self.trend.mean if self.trend is not None else 0.0
        return self.series.tolerance * mean if self.series.relative else self.series.tolerance

    @property
    def verdict(self) -> Verdict:
        """It grows where all of the interval is over the tolerance, and holds where none of it is."""
        if self.trend is None:
            return Verdict.UNKNOWN
        if self.trend.interval.low > self.tolerance:
            return Verdict.GROWS
        return Verdict.HOLDS if self.trend.interval.high <= self.tolerance else Verdict.UNKNOWN

    def row(self) -> dict[str, object]:
        """For people."""
        found, unit = self.trend, f" {self.series.unit}".rstrip()
        told = {"series": self.series.name, "mean": "", "slope an hour (95 %)": ""}
        if found is not None:
            low, high = found.interval.low, found.interval.high
            told["mean"] = f"{found.mean:.4g}{unit}"
            told["slope an hour (95 %)"] = f"{found.slope:+.2f}{unit} ({low:+.2f} to {high:+.2f})"
        return {**told, "may be": f"{self.tolerance:.3g}{unit}", "": self.verdict.value}

    def as_json(self) -> dict[str, object]:
        """For machines."""
        found = self.trend
        return {
            "series": self.series.name,
            "unit": self.series.unit,
            "mean": None if found is None else round(found.mean, 4),
            "slope_an_hour": None if found is None else round(found.slope, 4),
            "interval": None if found is None else found.interval.rounded(4),
            "tolerance": round(self.tolerance, 4),
            "verdict": self.verdict.value,
        }


def findings(samples: Sequence[Sample], windows: Sequence[Window], warm_up_s: float) -> list[Finding]:
    """Of all series, after the warm-up."""
    late = [one for one in samples if one.at >= warm_up_s]
    later = [one for one in windows if one.at >= warm_up_s]
    found = []
    for series in EVERY:
        times, values = series.points(late, later)
        found.append(Finding(series=series, trend=trend([at / HOUR_S for at in times], values)))
    return found


def left(before: Sample, after: Sample) -> Iterator[tuple[str, float, float]]:
    """What an idle server has before the callers and after them, where both have to be the same: name, then, now."""
    yield "server descriptors", before.server_descriptors, after.server_descriptors
    yield "engine descriptors", before.engine_descriptors, after.engine_descriptors
    yield "tasks", before.tasks, after.tasks
    yield "connections", 0, after.connections
    yield "requests in the engine", 0, after.unfinished
    yield "restarts of the engine", before.restarts, after.restarts


__all__ = ["EVERY", "Finding", "Series", "Verdict", "findings", "left"]
