"""The benchmark of key comparison sees a comparison that tells, and gives the server's own check wrong keys alone."""

import json
import random

import pytest

from tooling.benchmarks import keys

KEY = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "SAMPLES", 100)


def test_a_comparison_that_stops_at_once_is_seen() -> None:
    samples = keys.sampled(keys.naive(KEY), keys.wrong_keys(KEY), random.Random(1))
    assert keys.largest(samples) > keys.LOUD_T


def test_every_key_is_a_wrong_one_of_the_same_length() -> None:
    candidates = keys.wrong_keys(KEY)
    assert {len(each) for each in candidates.values()} == {len(KEY)}
    assert KEY not in candidates.values()
    assert len(set(candidates.values())) == len(candidates) - 1


@pytest.mark.parametrize("check", [keys.ours, keys.naive])
def test_a_right_key_would_be_noticed(check: object) -> None:
    assert callable(check)
    with pytest.raises(AssertionError, match="a wrong key came in"):
        check(KEY)(keys._head(KEY))


def test_it_says_rows_and_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert keys.run(["--rounds", "1", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("figure", "row")[:9] for line in lines] == ["row", "row", "largest t", "t of one ", "the same "]
    assert lines[-1]["met"]
