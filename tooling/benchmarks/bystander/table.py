"""The rows of one or more runs as a Markdown table, a line an attack; two sides stand beside each other."""

from collections.abc import Mapping, Sequence
from typing import Any

from tooling.benchmarks.bystander.attacks import ATTACKS

Figures = Mapping[str, Any]
GROWN_MB = 50.0
"""Memory that a round took, from which it is told."""
COLUMNS = ("p50 ms", "p99 ms (by round)", "max ms", "trouble")


def table(rows: Sequence[Figures]) -> str:
    """Pongs of the bystander. Trouble: pings that were never answered, sessions that broke, servers that had to go."""
    sides = sorted({row["side"] for row in rows}, key=["before", "now"].index)
    heads = [f"{side}: {column}" if len(sides) > 1 else column for side in sides for column in COLUMNS]
    lines = [f"| attack | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
    for name in ATTACKS:
        told = [_worst([row for row in rows if (row["attack"], row["side"]) == (name, side)]) for side in sides]
        if any(told):
            lines.append(f"| {name} | {' | '.join(map(_cells, told))} |")
    return "\n".join(lines)


def _worst(rows: Sequence[Figures]) -> Figures | None:
    """Of several runs, the one that was hardest on the bystander."""
    return max(rows, key=lambda row: row["p99_ms"], default=None)


def _cells(row: Figures | None) -> str:
    if row is None:
        return " | ".join([""] * len(COLUMNS))
    low, high = row["p99_by_round_ms"]
    return (
        f"{row['p50_ms']:.1f} | {row['p99_ms']:.1f} ({low:.1f} to {high:.1f}) | {row['max_ms']:.1f} | {_trouble(row)}"
    )


def _trouble(row: Figures) -> str:
    told = [f"{row[name]} {name}" for name in ("lost", "broken", "wedged") if row[name]]
    if row["grown_mb"] >= GROWN_MB:
        told.append(f"+{row['grown_mb']:.0f} MiB")
    return ", ".join(told)


__all__ = ["table"]
