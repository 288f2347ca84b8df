"""How far a percentile can be trusted: confidence intervals by the bootstrap.

The percentile bootstrap: the percentile is taken of many resamples, and the interval is what the middle 95 % of them
say. Samples of one conversation resemble each other (one connection, one prompt, one place in the queue), so whole
conversations are drawn, with replacement, each with all its samples: a cluster bootstrap. Single samples drawn instead
would make the intervals too narrow.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES, FEWEST_RESAMPLES = 1000, 200
WORK = 20_000_000
"""Samples times resamples: of more, fewer resamples are taken, so that a long run's report does not take long too."""
FEWEST_CLUSTERS = 5
"""Resamples of fewer than this hardly differ: there is no interval then."""
CELLS = 2_000_000
"""Of the table of weights that is in memory at a time."""

Floats = NDArray[np.float64]


@frozen
class Interval:
    """Where the true value is, with 95 % confidence."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def rounded(self, digits: int = 1) -> list[float]:
        """For JSON."""
        return [round(self.low, digits), round(self.high, digits)]


@frozen(eq=False)
class Samples:
    """Ascending values and the cluster of each, numbered from 0."""

    values: Floats
    clusters: NDArray[np.intp]
    count: int

    @classmethod
    def of(cls, pairs: Iterable[tuple[float, int]]) -> "Samples":
        """From pairs of a value and whatever names its cluster."""
        told = sorted(pairs)
        names, clusters = np.unique(np.array([name for _, name in told], dtype=np.int64), return_inverse=True)
        return cls(np.array([value for value, _ in told], dtype=np.float64), clusters.astype(np.intp), len(names))

    def __len__(self) -> int:
        return len(self.values)


def resampled(samples: Samples, quantiles: Sequence[float], seed: int) -> Floats | None:
    """The quantiles (0 to 1) of each resample, one row a resample; None of too few clusters.

    The same seed gives the same rows. A quantile is the one of `percentile`: linear between samples, at q·(n-1).
    """
    if samples.count < FEWEST_CLUSTERS:
        return None
    dice = np.random.default_rng(seed)
    chances = np.full(samples.count, 1 / samples.count)
    resamples = min(RESAMPLES, max(FEWEST_RESAMPLES, WORK // len(samples)))
    rows = []
    for drawn in _chunks(resamples, len(samples)):
        times = dice.multinomial(samples.count, chances, size=drawn)
        rows.append(_quantiles(samples, times, np.asarray(quantiles, dtype=np.float64)))
    return np.concatenate(rows)


def middle(values: Floats, confidence: float = CONFIDENCE) -> Interval:
    """The interval that holds the middle share of resampled values."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def intervals(samples: Samples, quantiles: Sequence[float], seed: int) -> list[Interval] | None:
    """The interval of each quantile; None of too few clusters."""
    rows = resampled(samples, quantiles, seed)
    return None if rows is None else [middle(rows[:, column]) for column in range(len(quantiles))]


def enough(samples: int, quantile: float) -> bool:
    """Whether at least one sample in expectation lies beyond the quantile: 100 of them for the 99th percentile."""
    return samples * (1 - quantile) >= 1 - 1e-9


def _chunks(resamples: int, size: int) -> Iterator[int]:
    most = max(1, CELLS // max(1, size))
    while resamples > 0:
        yield min(most, resamples)
        resamples -= most


def _quantiles(samples: Samples, times: NDArray[np.int64], quantiles: Floats) -> Floats:
    """Of resamples in which cluster c is `times[row, c]` times, without writing any of them out."""
    before = np.cumsum(times[:, samples.clusters], axis=1)  # copies up to and with each sample, in ascending order
    sizes = before[:, -1:]
    places = quantiles * (sizes - 1)
    below = np.floor(places)
    lower, upper = (samples.values[_sample_at(before, rank)] for rank in (below, np.minimum(below + 1, sizes - 1)))
    found: Floats = lower + (upper - lower) * (places - below)
    return found


def _sample_at(before: NDArray[np.int64], ranks: Floats) -> NDArray[np.intp]:
    """In each row, the place of the sample that holds the copy of that rank. All rows are searched at once: each is
    lifted above the one before it, so that one behind the other they ascend."""
    rows, size = before.shape
    lift = np.arange(rows)[:, np.newaxis] * (before.max() + 1)
    found: NDArray[np.intp] = np.searchsorted((before + lift).ravel(), (ranks + lift).ravel(), side="right")
    places: NDArray[np.intp] = found.reshape(ranks.shape) - np.arange(rows)[:, np.newaxis] * size
    return places


__all__ = [
    "CONFIDENCE",
    "FEWEST_CLUSTERS",
    "RESAMPLES",
    "Interval",
    "Samples",
    "enough",
    "intervals",
    "middle",
    "resampled",
]
