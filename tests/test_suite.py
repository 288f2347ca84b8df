"""How the whole suite is run: nothing is run twice, nothing is left out or behind, whatever is asked for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engines import processes
from tests.__main__ import runs, verdict

BY_FILE = ["--dist", "loadfile", "--no-loadscope-reorder"]
SPREAD, ENGINES = ["-n", "3", *BY_FILE], ["-n", "2", *BY_FILE]
ROOT = Path(__file__).parents[1]
LEAVING = """
import subprocess, sys, time
from pathlib import Path


def test_it():
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.{manners}); print(1, flush=True); time.sleep(300)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    child.stdout.readline()
    Path({note!r}).write_text(str(child.pid))
    time.sleep({stays})
"""


def test_what_needs_no_engine_is_spread_and_the_rest_comes_two_at_a_time() -> None:
    assert runs(["tests/e2e", "-q"], workers=3) == [
        [*SPREAD, "-m", "not engine", "tests/e2e", "-q"],
        [*ENGINES, "-m", "engine", "tests/e2e", "-q"],
    ]


@pytest.mark.parametrize("marked", [["-m", "slow or odd"], ["-mslow or odd"]])
def test_marks_narrow_both(marked: list[str]) -> None:
    assert [run[run.index("-m") + 1] for run in runs([*marked, "-k", "x"], workers=3)] == [
        "(slow or odd) and not engine",
        "(slow or odd) and engine",
    ]


@pytest.mark.parametrize(
    ("marks", "run"),
    [
        ("engine", [*ENGINES, "-m", "(engine) and engine", "-x"]),
        ("not engine", [*SPREAD, "-m", "(not engine) and not engine", "-x"]),
    ],
)
def test_one_half_alone_is_one_run(marks: str, run: list[str]) -> None:
    assert runs(["-m", marks, "-x"], workers=3) == [run]


@pytest.mark.parametrize("hand", ["-s", "--pdb", "--trace", "--capture=no"])
def test_what_somebody_looks_at_has_no_workers(hand: str) -> None:
    assert runs([hand], workers=3) == [["-m", "not engine", hand], ["-m", "engine", hand]]


def test_a_given_number_of_workers_comes_after_ours_and_counts() -> None:
    assert [run[-2:] for run in runs(["-n", "0"], workers=3)] == [["-n", "0"]] * 2


@pytest.mark.parametrize(
    ("codes", "one"),
    [((0, 0), 0), ((0, 5), 0), ((5, 0), 0), ((5, 5), 5), ((5,), 5), ((1, 0), 1), ((0, 1), 1), ((5, 1), 1), ((2,), 2)],
)
def test_a_failure_of_either_is_a_failure_and_nothing_found_only_twice(codes: tuple[int, ...], one: int) -> None:
    assert verdict(codes) == one


@pytest.mark.parametrize(
    ("manners", "workers", "end"),
    [("SIG_DFL", 1, signal.SIGINT), ("SIG_IGN", 0, None)],
    ids=["interrupted, and it goes when told", "to its end, and it stays"],
)
def test_what_a_test_leaves_behind_is_ended(
    tmp_path: Path, manners: str, workers: int, end: signal.Signals | None
) -> None:
    note, module = tmp_path / "pid", tmp_path / "test_leaving.py"
    module.write_text(LEAVING.format(note=str(note), manners=manners, stays=0 if end is None else 300))
    options = ["-m", "not engine", "-n", str(workers), "-p", "no:cacheprovider"]
    running = subprocess.Popen(
        [sys.executable, "-m", "tests", *options, str(module)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (note.exists() and (pid := note.read_text())):
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.05)  # noqa: TID251 - no trio here
    if end is not None:
        os.killpg(running.pid, end)  # as a terminal does
    said, _ = running.communicate(timeout=60)
    assert running.returncode == (0 if end is None else 2), said
    assert "left behind by the tests, and ended: " in said
    assert processes.identify(int(pid)) is None
