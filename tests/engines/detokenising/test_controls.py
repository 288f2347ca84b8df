"""Control tokens told from the text around them."""

from collections.abc import Sequence
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from engines.base import Control
from engines.detokenising import ByteTable, Pieces, deltas
from tests.engines.detokenising import vocabularies

CONTROLS = {0: "<|im_end|>", 1: "<|im_start|>"}
IDS = st.lists(st.one_of(st.integers(0, 1), st.integers(0, 319)), max_size=12)


def text_of(ids: Sequence[int]) -> str:
    table = ByteTable.of(vocabularies.byte_level())
    assert table is not None
    return table.begin([]).push(ids)


@given(IDS, st.integers(0, 3))
def test_all_text_comes_once_and_every_token_is_counted(ids: list[int], uncounted: int) -> None:
    table = ByteTable.of(vocabularies.byte_level())
    assert table is not None
    found = list(deltas(ids, table.begin([]).push, CONTROLS, uncounted, 5))
    assert "".join(delta.text for delta in found) == text_of(ids)
    assert sum(delta.tokens for delta in found) == len(ids) + uncounted
    assert [delta.text for delta in found if isinstance(delta.text, Control)] == [
        CONTROLS[id_] for id_ in ids if id_ in CONTROLS
    ]
    assert {delta.cached_tokens for delta in found} == {5}
    runs = [kind for kind, _ in groupby(isinstance(delta.text, Control) for delta in found)]
    assert runs == [kind for kind, _ in groupby(id_ in CONTROLS for id_ in ids)] or not ids


@given(IDS)
def test_text_that_was_made_elsewhere_is_parted_the_same_way(ids: list[int]) -> None:
    text = text_of(ids)
    found = [delta.text for delta in deltas(ids, Pieces(text, CONTROLS).push, CONTROLS)]
    assert "".join(found) == text
    assert [piece for piece in found if isinstance(piece, Control)] == [CONTROLS[id_] for id_ in ids if id_ in CONTROLS]
