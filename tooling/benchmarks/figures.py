"""What a benchmark says in the end: figures with their spread over the rounds, each beside what it has to reach."""

import argparse
import json
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from tooling import usage


@frozen
class Spread:
    """Median, least and most of the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Of at least one value."""
        told = sorted(values)
        return cls(statistics.median(told), told[0], told[-1])

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} ({self.least:{spec}} to {self.most:{spec}})"


@frozen
class Figure:
    """One thing that was measured once a round. `at_most` and `at_least` bound the median; neither: for information."""

    name: str
    spread: Spread
    unit: str = "x"
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool:
        """Whether it is what it has to be."""
        low = self.at_least is None or self.spread.median >= self.at_least
        return low and (self.at_most is None or self.spread.median <= self.at_most)

    @property
    def target(self) -> str:
        """The bound in words."""
        bounds = (("<=", self.at_most), (">=", self.at_least))
        return " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)

    def as_json(self) -> dict[str, object]:
        """Plain data, as `--json` prints it."""
        spread = self.spread
        values = {"median": spread.median, "least": spread.least, "most": spread.most}
        told = {name: round(value, 4) for name, value in values.items()}
        return {"figure": self.name, **told, "unit": self.unit, "target": self.target, "met": self.met}


def ratios(name: str, ours: Sequence[float], theirs: Sequence[float], **bounds: float) -> Figure:
    """Ours to theirs, round by round."""
    return Figure(name, Spread.of(one / other for one, other in zip(ours, theirs, strict=True)), **bounds)  # type: ignore[arg-type]  # bounds only


def arguments(module: str, description: str | None, rounds: int = 3) -> argparse.ArgumentParser:
    """The options that every benchmark of this kind has."""
    parser = usage.parser(
        f"python -m tooling.benchmarks.{module}", description, codes="0 done, 1 a figure is missed (--check), 2 usage"
    )
    parser.add_argument("--rounds", type=int, default=rounds, metavar="N", help=f"rounds (default {rounds})")
    parser.add_argument("--json", action="store_true", help="one JSON object a row, then one a figure")
    parser.add_argument("--check", action="store_true", help="status 1 if a figure is missed")
    return parser


def told(
    options: argparse.Namespace,
    rows: Sequence[Mapping[str, object]],
    figures: Sequence[Figure],
    say: Callable[[str], None],
) -> int:
    """Say everything, the figures last; the exit status."""
    if options.json:
        lines = [json.dumps(each) for each in (*rows, *(figure.as_json() for figure in figures))]
    else:
        lines = [*table(rows), "", *figure_table(figures)]
    for line in lines:
        say(line)
    return int(options.check and not all(figure.met for figure in figures))


def table(rows: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Rows of the same keys as Markdown."""
    if not rows:
        return
    yield f"| {' | '.join(rows[0])} |"
    yield "| --- " * len(rows[0]) + "|"
    for row in rows:
        yield f"| {' | '.join(_cell(value) for value in row.values())} |"


def figure_table(figures: Sequence[Figure]) -> Iterator[str]:
    """The figures as Markdown: the median, and from the least to the most of the rounds."""
    yield from table(
        [
            {
                "figure": figure.name,
                "median (least to most)": f"{figure.spread:.3g} {figure.unit}",
                "to reach": figure.target,
                "": ("met" if figure.met else "MISSED") if figure.target else "",
            }
            for figure in figures
        ]
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if isinstance(value, float | Spread) else str(value)


__all__ = ["Figure", "Spread", "arguments", "figure_table", "ratios", "table", "told"]
