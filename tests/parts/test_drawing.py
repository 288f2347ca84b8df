"""What the clients' pictures look like as files: drawn by matplotlib, which is not in every environment."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.tooling.clients.bench.turns import attempt, turn
from tooling.clients.bench.picture import picture
from tooling.clients.drawing.picture import Bound, Panel, Picture, Series, check_drawing, draw
from tooling.clients.failures import ClientError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LIMIT_S = 90


def size(png: Path) -> tuple[int, int]:
    """Width and height of a PNG, from its head."""
    head = png.read_bytes()[:24]
    assert head.startswith(SIGNATURE)
    width, height = struct.unpack(">II", head[16:24])
    return width, height


async def test_a_run_is_drawn_as_a_png(tmp_path: Path) -> None:
    turns = [
        turn(0, 5.0, connect_ms=1.0),
        turn(1, 6.0, outcome="cancelled", interrupted=True, cancel_ms=3.0),
        turn(1, 7.0, interrupts=True),
        turn(2, None, outcome="error"),
    ]
    out = check_drawing(str(tmp_path / "run.png"))
    with trio.fail_after(LIMIT_S):
        await draw(picture("bench", turns, [attempt(0, turns[0])], "a load"), out)
    width, height = size(out)
    assert width > 800
    assert height > width * 0.7  # three panels, one below the other


async def test_every_style_and_bounds_can_be_drawn_and_so_can_nothing(tmp_path: Path) -> None:
    series = (
        Series("a", (1.0, 2.0), (3.0, 4.0), "points"),
        Series("b", (1.0,), (2.0,), "crosses"),
        Series("c", (1.0, 2.0), (5.0, 1.0), "line"),
        Series("d", (1.0, 2.0), (5.0, 1.0), "steps"),
    )
    full = Panel(title="t", x="x", y="y", series=series, bounds=(Bound("b", 2.0), Bound("c", 1.5, "x")), log_y=True)
    for name, panels in (("full", (full,)), ("empty", (Panel(title="t", x="x", y="y"),))):
        out = tmp_path / f"{name}.png"
        with trio.fail_after(LIMIT_S):
            await draw(Picture(title="“t”", panels=panels, notes="n"), out)
        assert size(out) > (0, 0)


async def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (out := tmp_path / "taken.png").mkdir()
    with trio.fail_after(LIMIT_S), pytest.raises(ClientError, match=r"taken\.png could not be drawn: Is a directory"):
        await draw(Picture(title="t", panels=(Panel(title="t", x="x", y="y"),)), out)


def test_the_clients_themselves_import_no_plotting_library() -> None:
    program = "import sys, tooling.clients.bench.__main__; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
