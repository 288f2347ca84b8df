"""How the whole suite is run: nothing is run twice, nothing is left out, whatever is asked for."""

import pytest

from tests.__main__ import runs, verdict

SPREAD = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]


def test_what_needs_no_engine_is_spread_and_the_rest_comes_alone() -> None:
    assert runs(["tests/e2e", "-q"], workers=3) == [
        [*SPREAD, "-m", "not engine", "tests/e2e", "-q"],
        ["-m", "engine", "tests/e2e", "-q"],
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
        ("engine", ["-m", "(engine) and engine", "-x"]),
        ("not engine", [*SPREAD, "-m", "(not engine) and not engine", "-x"]),
    ],
)
def test_one_half_alone_is_one_run(marks: str, run: list[str]) -> None:
    assert runs(["-m", marks, "-x"], workers=3) == [run]


@pytest.mark.parametrize("hand", ["-s", "--pdb", "--trace", "--capture=no"])
def test_what_somebody_looks_at_has_no_workers(hand: str) -> None:
    assert runs([hand], workers=3)[0] == ["-m", "not engine", hand]


def test_a_given_number_of_workers_comes_after_ours_and_counts() -> None:
    assert runs(["-n", "0"], workers=3)[0][-2:] == ["-n", "0"]


@pytest.mark.parametrize(
    ("codes", "one"),
    [((0, 0), 0), ((0, 5), 0), ((5, 0), 0), ((5, 5), 5), ((5,), 5), ((1, 0), 1), ((0, 1), 1), ((5, 1), 1), ((2,), 2)],
)
def test_a_failure_of_either_is_a_failure_and_nothing_found_only_twice(codes: tuple[int, ...], one: int) -> None:
    assert verdict(codes) == one
