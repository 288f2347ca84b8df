"""What a benchmark says in the end."""

import json

from tooling.benchmarks.figures import Figure, Spread, arguments, ratios, told


def test_a_figure_is_judged_by_the_median_of_its_rounds() -> None:
    slow = Figure("time", Spread.of([3.0, 0.5, 2.0]), "s", at_most=1.0)
    assert (slow.spread.median, slow.spread.least, slow.spread.most) == (2.0, 0.5, 3.0)
    assert not slow.met
    assert Figure("rate", Spread.of([3.0, 0.5, 2.0]), at_least=1.0).met


def test_a_ratio_is_taken_round_by_round() -> None:
    ratio = ratios("cost", [1.0, 4.0, 9.0], [2.0, 2.0, 3.0], at_most=2.0)
    assert ratio.spread == Spread(2.0, 0.5, 3.0)
    assert ratio.met


def test_a_missed_figure_is_said_and_fails_only_with_check() -> None:
    missed = [Figure("time", Spread.of([2.0]), "s", at_most=1.0)]
    said: list[str] = []
    assert told(arguments("none", "").parse_args([]), [{"way": "ours"}], missed, said.append) == 0
    assert "MISSED" in said[-1]
    assert told(arguments("none", "").parse_args(["--check"]), [], missed, said.append) == 1


def test_as_json_the_figures_come_last_one_a_line() -> None:
    said: list[str] = []
    figures = [Figure("time", Spread.of([2.0]), "s", at_most=1.0), Figure("seen", Spread.of([1.0]))]
    told(arguments("none", "").parse_args(["--json"]), [{"way": "ours"}], figures, said.append)
    rows = [json.loads(line) for line in said]
    assert rows[0] == {"way": "ours"}
    assert [(row["figure"], row["target"], row["met"]) for row in rows[1:]] == [
        ("time", "<= 1", False),
        ("seen", "", True),
    ]
