"""Averages and percentiles of samples."""

from collections.abc import Iterable, Sequence

from attrs import asdict, frozen


@frozen
class Summary:
    """What is told of a set of samples; `n` of them."""

    avg: float
    p50: float
    p90: float
    p95: float
    p99: float
    n: int

    def rounded(self) -> dict[str, float | int]:
        """The figures with one decimal, for JSON."""
        return {name: round(value, 1) if name != "n" else value for name, value in asdict(self).items()}


def percentile(ordered: Sequence[float], q: float) -> float:
    """The q-quantile (0 to 1) of ascending samples, by linear interpolation at q·(n-1)."""
    place = q * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def summarise(samples: Iterable[float | None]) -> Summary | None:
    """The summary of all samples that are there; None without any."""
    ordered = sorted(sample for sample in samples if sample is not None)
    if not ordered:
        return None
    p50, p90, p95, p99 = (percentile(ordered, q) for q in (0.50, 0.90, 0.95, 0.99))
    return Summary(sum(ordered) / len(ordered), p50, p90, p95, p99, len(ordered))


__all__ = ["Summary", "percentile", "summarise"]
