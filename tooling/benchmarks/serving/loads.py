"""`python -m tooling.benchmarks.serving.loads RESULTS.jsonl`: loads of ours and a rival side by side, and ratios.

Reads the lines that `tooling.benchmarks.serving.capacity` prints. A label is a kind of run and its number (`bf16-2`);
runs of one kind stand in one table, of each figure the lowest and the highest are shown.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import trio

from tooling import usage
from tooling.clients.drawing.picture import Bound, Panel, Picture, Series, check_drawing, draw

Line = Mapping[str, Any]
FIGURES = {"ttft_p99_ms": "TTFT p99", "sentence_p99_ms": "first sentence p99"}
OURS, RIVAL = "ours", "vllm-serve"


def table(lines: Sequence[Line]) -> Iterator[str]:
    """One table for each kind: every number of callers that both sides were loaded with, then what fitted."""
    heads = [f"{name} {side}, ms" for name in FIGURES.values() for side in (OURS, RIVAL)]
    for kind in _kinds(lines):
        yield f"\n{kind}:\n"
        yield f"| callers | {' | '.join(heads)} | ratio of TTFT p99 | {OURS} | {RIVAL} |"
        yield "| --- " * (len(heads) + 4) + "|"
        for callers in _shared(lines, kind):
            cells = [_range(_values(lines, kind, side, callers, name)) for name in FIGURES for side in (OURS, RIVAL)]
            fits = [_fits(lines, kind, side, callers) for side in (OURS, RIVAL)]
            yield f"| {' | '.join([str(callers), *cells, _ratio(lines, kind, callers), *fits])} |"
        for side in (OURS, RIVAL):
            found = [str(line["fits"]) for line in _of(lines, kind, side)]
            yield f"\n{side}: {', '.join(found)} callers fit."


def picture(lines: Sequence[Line]) -> Picture:
    """99th percentiles by callers, a line a run."""
    panels = []
    for kind in _kinds(lines):
        for name, title in FIGURES.items():
            series = []
            for line in lines:
                if _kind(line) == kind:
                    loads = [one for one in line["levels"] if one[name] is not None]
                    points = tuple(float(one["callers"]) for one in loads), tuple(float(one[name]) for one in loads)
                    series.append(Series(f"{line['contender']}, {line['label']}", *points))
            bound = Bound("bound", float(lines[0]["bounds"][name.replace("_p99", "")]))
            panels.append(
                Panel(title=f"{kind}: {title}", x="callers", y="ms", series=tuple(series), bounds=(bound,), log_y=True)
            )
    return Picture(title="Callers on one GPU", panels=tuple(panels))


def _kind(line: Line) -> str:
    return str(line["label"]).rpartition("-")[0]


def _kinds(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(map(_kind, lines)))


def _of(lines: Sequence[Line], kind: str, side: str) -> list[Line]:
    return [line for line in lines if (_kind(line), line["contender"]) == (kind, side)]


def _shared(lines: Sequence[Line], kind: str) -> list[int]:
    sides = [{one["callers"] for line in _of(lines, kind, side) for one in line["levels"]} for side in (OURS, RIVAL)]
    return sorted(set.intersection(*sides))


def _values(lines: Sequence[Line], kind: str, side: str, callers: int, name: str) -> list[float]:
    levels = [one for line in _of(lines, kind, side) for one in line["levels"] if one["callers"] == callers]
    return [float("inf") if one[name] is None else float(one[name]) for one in levels]


def _ratio(lines: Sequence[Line], kind: str, callers: int) -> str:
    """Ours to the rival's, run by run where a run has both."""
    ratios = []
    for label in dict.fromkeys(line["label"] for line in lines if _kind(line) == kind):
        run = [line for line in lines if line["label"] == label]
        ours, rival = (_values(run, kind, side, callers, "ttft_p99_ms") for side in (OURS, RIVAL))
        if ours and rival:
            ratios.append(ours[0] / rival[0])
    return _range(ratios, digits=2)


def _fits(lines: Sequence[Line], kind: str, side: str, callers: int) -> str:
    """How many of the loads held every bound."""
    tried = fitted = 0
    for line in _of(lines, kind, side):
        for one in line["levels"]:
            if one["callers"] == callers:
                tried += 1
                fitted += line["fits"] >= callers and one["ttft_p99_ms"] is not None
    return f"{fitted} of {tried}"


def _range(values: Sequence[float], digits: int = 0) -> str:
    if not values:
        return "-"
    low, high = (f"{value:.{digits}f}" for value in (min(values), max(values)))
    return low if low == high else f"{low}-{high}"


def main(argv: Sequence[str]) -> int:
    """Print the tables, draw if asked to."""
    parser = usage.parser("python -m tooling.benchmarks.serving.loads", __doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--plot", metavar="FILE.png")
    options = parser.parse_args(argv)
    lines = [json.loads(line) for line in options.results.read_text("utf-8").splitlines()]
    print(*table(lines), sep="\n")
    if options.plot:
        trio.run(draw, picture(lines), check_drawing(options.plot))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
