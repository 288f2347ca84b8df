"""The sanitizer's benchmark."""

from tooling.benchmarks.sanitizer import PROSE, measure


def test_a_row_has_times_and_their_ratio() -> None:
    row = measure("prose", PROSE, 1_000)
    assert row.characters == 1_000
    assert 0 < row.join_us_per_token < row.us_per_token < 1_000
    assert row.worst_push_us > 0
