"""Every pair of the table: whole, by character, and cut at every place."""

import pytest

from tests.actors.session.sanitizer.feeding import joined, whole
from tests.actors.session.sanitizer.table import PAIRS, Pair

EACH = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.row}-{pair.given[:20]!a}")


def test_the_table_has_all_its_rows() -> None:
    assert sorted({pair.row for pair in PAIRS}) == list(range(1, 76))


@EACH
def test_the_whole_text_gives_the_output_column(pair: Pair) -> None:
    assert whole(pair.given) == pair.wanted


@EACH
def test_single_code_points_give_the_output_column(pair: Pair) -> None:
    assert joined(list(pair.given)) == pair.wanted


@EACH
def test_a_cut_at_any_place_gives_the_output_column(pair: Pair) -> None:
    for cut in range(len(pair.given) + 1):
        assert joined([pair.given[:cut], pair.given[cut:]]) == pair.wanted, cut


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair.fixed], ids=lambda pair: f"{pair.row}-{pair.given!a}")
def test_the_output_is_a_fixed_point(pair: Pair) -> None:
    assert whole(pair.wanted) == pair.wanted
