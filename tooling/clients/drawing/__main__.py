"""`python -m tooling.clients.drawing FILE.png` draws the picture that comes as JSON on standard input."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot

from tooling.clients.drawing.picture import Panel, Picture, Series
from tooling.usage import answer_help

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7a7a7a", "#000000")
"""Okabe and Ito's, which nobody who sees colours differently mixes up."""
BOUND = "#b00020"
WIDTH, HEIGHT, DPI = 11.0, 3.2, 100
STYLES: dict[str, dict[str, Any]] = {
    "points": {"linestyle": "", "marker": ".", "markersize": 7, "alpha": 0.7},
    "crosses": {"linestyle": "", "marker": "x", "markersize": 5},
    "line": {"linewidth": 1.4, "marker": ".", "markersize": 5},
    "steps": {"linewidth": 1.4, "drawstyle": "steps-post"},
}


def paint(picture: Picture, out: Path) -> None:
    """Draw all panels, one below the other."""
    mpl.use("Agg")
    count = len(picture.panels)
    figure, places = pyplot.subplots(count, 1, figsize=(WIDTH, HEIGHT * count), squeeze=False, layout="constrained")
    for panel, place in zip(picture.panels, places[:, 0], strict=True):
        _panel(panel, place)
    figure.suptitle(picture.title, fontsize=11)
    if picture.notes:
        figure.supxlabel(picture.notes, fontsize=7, color="#555555")
    figure.savefig(out, dpi=DPI)
    pyplot.close(figure)


def _panel(panel: Panel, place: Any) -> None:
    for number, series in enumerate(panel.series):
        _series(series, place, COLOURS[number % len(COLOURS)])
    for bound in panel.bounds:
        drawn = place.axvline if bound.axis == "x" else place.axhline
        drawn(bound.value, color=BOUND, linewidth=1, linestyle="--", label=bound.name)
    place.set_title(panel.title, fontsize=9, loc="left")
    place.set_xlabel(panel.x, fontsize=8)
    place.set_ylabel(panel.y, fontsize=8)
    place.tick_params(labelsize=7)
    place.grid(alpha=0.3, which="both" if panel.log_x or panel.log_y else "major")
    if panel.log_x:
        place.set_xscale("log")
    if panel.log_y:
        place.set_yscale("log")
    else:
        place.set_ylim(bottom=0)
    if panel.series or panel.bounds:
        place.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5))  # beside: it must cover no curve


def _series(series: Series, place: Any, colour: str) -> None:
    place.plot(series.x, series.y, label=series.name, color=colour, **STYLES[series.style])


def main(argv: Sequence[str]) -> int:
    """Draw; an error is one line."""
    (out,) = map(Path, argv)
    try:
        paint(Picture.read(json.load(sys.stdin)), out)
    except OSError as error:
        print(error.strerror or error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
