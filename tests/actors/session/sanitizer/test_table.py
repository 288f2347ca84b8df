"""Every pair of the tables: whole, by character, and cut at every place."""

import pytest

from tests.actors.session.sanitizer.feeding import spoken
from tests.actors.session.sanitizer.table import ADDED, PAIRS, Pair

ALL = PAIRS + ADDED
EACH = pytest.mark.parametrize("pair", ALL, ids=lambda pair: f"{pair.row}-{pair.given[:20]!a}")


def test_the_tables_have_all_their_rows() -> None:
    assert sorted({pair.row for pair in PAIRS}) == list(range(1, 76))
    rows = sorted({pair.row for pair in ADDED})
    assert rows == list(range(101, 101 + len(rows)))


@EACH
def test_the_whole_text_gives_the_output_column(pair: Pair) -> None:
    assert spoken(pair, [pair.given]) == pair.wanted


@EACH
def test_single_code_points_give_the_output_column(pair: Pair) -> None:
    assert spoken(pair, list(pair.given)) == pair.wanted


@EACH
def test_a_cut_at_any_place_gives_the_output_column(pair: Pair) -> None:
    for cut in range(len(pair.given) + 1):
        assert spoken(pair, [pair.given[:cut], pair.given[cut:]]) == pair.wanted, cut


@pytest.mark.parametrize("pair", [pair for pair in ALL if pair.fixed], ids=lambda pair: f"{pair.row}-{pair.given!a}")
def test_the_output_is_a_fixed_point(pair: Pair) -> None:
    assert spoken(pair, [pair.wanted]) == pair.wanted
