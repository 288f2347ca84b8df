"""The sanitizer's benchmark."""

import pytest

from tooling.benchmarks.sanitizer import MARKDOWN, MIXED, PROSE, measure


@pytest.mark.parametrize("text", [PROSE, MARKDOWN, MIXED], ids=["prose", "markdown", "mixed"])
def test_a_row_has_times_and_their_ratio(text: str) -> None:
    row = measure("text", text, 1_000)
    assert row.characters == 1_000
    assert 0 < row.join_us_per_token < row.us_per_token < 1_000
    assert row.worst_push_us > 0
