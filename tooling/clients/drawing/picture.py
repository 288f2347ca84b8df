"""What is to be drawn, as plain data, and who draws it: a program of its own, so that no client needs matplotlib."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import trio
from attrs import asdict, frozen

from tooling.clients.failures import ClientError, UsageProblem

Style = Literal["points", "crosses", "line", "steps"]
PROGRAM = "tooling.clients.drawing"
DRAW_TIMEOUT_S = 60.0


@frozen
class Series:
    """Points in one colour; `steps` keeps a value until the next one. `name`: in the legend."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    style: Style = "line"


@frozen
class Bound:
    """A line across a panel at a value of one of its axes."""

    name: str
    value: float
    axis: Literal["x", "y"] = "y"


@frozen(kw_only=True)
class Panel:
    """One set of axes. `log_x`, `log_y`: a logarithmic axis."""

    title: str
    x: str
    y: str
    series: tuple[Series, ...] = ()
    bounds: tuple[Bound, ...] = ()
    log_x: bool = False
    log_y: bool = False


@frozen(kw_only=True)
class Picture:
    """Panels one below the other. `notes`: small print at the bottom."""

    title: str
    panels: tuple[Panel, ...]
    notes: str = ""

    def told(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Picture":
        """From JSON."""
        return cls(title=told["title"], notes=told["notes"], panels=tuple(_panel(each) for each in told["panels"]))


def ecdf(name: str, values: Iterable[float]) -> Series:
    """The share of values at or below each of them, from 0 to 1."""
    ordered = sorted(values)
    return Series(name, tuple(ordered), tuple((rank + 1) / len(ordered) for rank in range(len(ordered))), "steps")


def concurrency(name: str, spans: Iterable[tuple[float, float]]) -> Series:
    """How many of the spans (begin, end) are open at each moment."""
    found, running = [(0.0, 0)], 0
    for moment, change in sorted(pair for begin, end in spans for pair in ((begin, 1), (end, -1))):
        running += change
        found.append((moment, running))
    return Series(name, tuple(moment for moment, _ in found), tuple(float(count) for _, count in found), "steps")


def check_drawing(path: str) -> Path:
    """The file to draw to, before anything was measured. Raises `UsageProblem` that says what is missing."""
    out = Path(path)
    if out.suffix.lower() != ".png":
        raise UsageProblem(f"--plot {path}: the name must end in .png")
    if not out.absolute().parent.is_dir():
        raise UsageProblem(f"--plot {path}: there is no directory {out.parent}")
    if find_spec("matplotlib") is None:
        raise UsageProblem("--plot needs matplotlib: `just setup cpu --bench` installs it")
    return out


async def draw(picture: Picture, out: Path) -> None:
    """Draw into a file. Raises `ClientError`."""
    with trio.move_on_after(DRAW_TIMEOUT_S) as scope:
        done = await trio.run_process(
            [sys.executable, "-m", PROGRAM, str(out)],
            stdin=json.dumps(picture.told()).encode(),
            stdout=subprocess.DEVNULL,
            capture_stderr=True,
            check=False,
        )
    if scope.cancelled_caught:
        raise ClientError(f"{out} was not drawn within {DRAW_TIMEOUT_S:g} s")
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ClientError(f"{out} could not be drawn: {''.join(last) or f'exit code {done.returncode}'}")


def _panel(told: Mapping[str, Any]) -> Panel:
    series = [Series(one["name"], tuple(one["x"]), tuple(one["y"]), one["style"]) for one in told["series"]]
    bounds: Sequence[Bound] = [Bound(**one) for one in told["bounds"]]
    return Panel(**{**told, "series": tuple(series), "bounds": tuple(bounds)})


__all__ = ["Bound", "Panel", "Picture", "Series", "check_drawing", "concurrency", "draw", "ecdf"]
