"""Rows of one or more runs beside each other: medians with their spread, and ratios round by round."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tooling.benchmarks.figures import Figure, Spread, ratios

Row = Mapping[str, Any]
COLUMNS = (
    "ttft_p50_ms",
    "ttft_p99_ms",
    "itl_p50_ms",
    "itl_p99_ms",
    "tokens_per_s",
    "front_cpu_us_per_token",
    "client_cpu_us_per_token",
    "prefix_hits",
)
OURS, BOTH, BARE, SERVE, RUST = "ours", "ours, both", "AsyncLLM, no server", "vllm serve, SSE", "vllm serve, Rust"
YIELDING = "ours, yielding"


class Told:
    """Rows by contender and sessions, in the order in which they were measured."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[tuple[str, int], list[Row]] = {}
        for row in rows:
            self._rows.setdefault((row["contender"], row["sessions"]), []).append(row)
        self.sessions = sorted({sessions for _, sessions in self._rows})

    def values(self, contender: str, sessions: int, column: str) -> list[float]:
        """One column of a contender; nothing where it was not measured."""
        found = [row[column] for row in self._rows.get((contender, sessions), ())]
        return [value for value in found if value is not None]

    def ratio(self, column: str, sessions: int, one: str, other: str, **bounds: float) -> Iterator[Figure]:
        """The first to the second as far as both were measured, nothing where either was not."""
        mine, theirs = (self.values(name, sessions, column) for name in (one, other))
        both = min(len(mine), len(theirs))
        if both and all(theirs):
            yield ratios(f"{column}: {one} to {other}, {sessions} sessions", mine[:both], theirs[:both], **bounds)

    def table(self) -> Iterator[dict[str, object]]:
        """A row a contender and load."""
        for (contender, sessions), rows in sorted(self._rows.items(), key=lambda item: item[0][1]):
            cells = {column: self.values(contender, sessions, column) for column in COLUMNS}
            spread = {column: f"{Spread.of(found):.4g}" if found else None for column, found in cells.items()}
            yield {"sessions": sessions, "contender": contender, "runs": len(rows), **spread}


def gpu_figures(told: Told) -> Iterator[Figure]:
    """What is to be reached on one GPU at 32, 128 and 256 sessions."""
    for sessions in told.sessions:
        yield from told.ratio("front_cpu_us_per_token", sessions, OURS, RUST)
        yield from told.ratio("ttft_p50_ms", sessions, OURS, BARE)
        for column in ("ttft_p50_ms", "itl_p50_ms", "tokens_per_s"):
            yield from told.ratio(column, sessions, BOTH, OURS, at_least=0.9, at_most=1.1)
        yield from told.ratio("itl_p99_ms", sessions, OURS, BARE, at_most=1.05)
        yield from told.ratio("tokens_per_s", sessions, OURS, BARE, at_least=0.99)
        judged = sessions == 128
        yield from told.ratio("ttft_p99_ms", sessions, OURS, BARE, **({"at_most": 1.15} if judged else {}))
        yield from told.ratio("ttft_p99_ms", sessions, OURS, SERVE, **({"at_most": 0.4} if judged else {}))
        yield from told.ratio("front_cpu_us_per_token", sessions, OURS, SERVE, at_most=0.35)


def waiting_figures(told: Told) -> Iterator[Figure]:
    """What it changes on a CPU that the engine's processes wait for each other asleep."""
    for sessions in told.sessions:
        for column in ("ttft_p50_ms", "ttft_p99_ms", "itl_p50_ms", "itl_p99_ms", "tokens_per_s"):
            yield from told.ratio(column, sessions, OURS, YIELDING)


def cpu_figures(told: Told) -> Iterator[Figure]:
    """What is to be reached beside vLLM's own server on a CPU."""
    for sessions in told.sessions:
        yield from told.ratio("ttft_p50_ms", sessions, OURS, SERVE, at_most=0.9)
        yield from told.ratio("ttft_p99_ms", sessions, OURS, SERVE, at_most=0.9)
        yield from told.ratio("tokens_per_s", sessions, OURS, SERVE, at_least=1.0)
        yield from told.ratio("front_cpu_us_per_token", sessions, OURS, SERVE, at_most=0.4)


def errors(rows: Sequence[Row]) -> int:
    """Conversations that failed, all together."""
    return sum(row["errors"] for row in rows)


__all__ = [
    "BARE",
    "BOTH",
    "OURS",
    "RUST",
    "SERVE",
    "YIELDING",
    "Told",
    "cpu_figures",
    "errors",
    "gpu_figures",
    "waiting_figures",
]
