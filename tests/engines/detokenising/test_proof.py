"""A way of detokenising is used only after it gave the library's text for everything that was thought of."""

from collections.abc import Callable, Sequence

import pytest
from attrs import evolve
from tokenizers import Tokenizer

from engines.detokenising import ByteTable, Unproven, proven
from engines.detokenising.proof import complete, trials
from tests.engines.detokenising import vocabularies


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (vocabularies.byte_level, "byte table"),
        (vocabularies.misread, "DecodeStream"),
        (vocabularies.pieces, "DecodeStream"),
        (vocabularies.word_pieces, "DecodeStream"),
    ],
)
def test_the_fastest_way_that_agrees_is_taken(make: Callable[[], Tokenizer], name: str) -> None:
    tokenizer = make()
    assert proven(tokenizer, lambda prompt, ids: vocabularies.library(tokenizer, prompt, ids)).name == name


def test_a_library_that_decodes_otherwise_is_noticed() -> None:
    tokenizer = vocabularies.byte_level()

    def skips_added(prompt_ids: Sequence[int], ids: Sequence[int]) -> list[str]:
        added = tokenizer.get_added_tokens_decoder()
        pieces = vocabularies.library(tokenizer, prompt_ids, ids)
        return ["" if one in added else piece for one, piece in zip(ids, pieces, strict=True)]

    with pytest.raises(Unproven):
        proven(tokenizer, skips_added)


def test_the_table_is_compared_as_a_whole_and_not_by_trials_alone() -> None:
    tokenizer = vocabularies.byte_level()
    table = ByteTable.of(tokenizer)
    assert table is not None
    assert complete(table, tokenizer)
    for id_, text in enumerate(table.whole):
        wrong = [*table.whole]
        wrong[id_] = "other" if text is not None else ""
        assert not complete(evolve(table, whole=wrong), tokenizer), id_


def test_the_trials_are_the_same_at_every_start_and_hold_every_kind_of_id() -> None:
    tokenizer = vocabularies.byte_level()
    made = trials(tokenizer)
    assert made == trials(tokenizer)
    ids = {one for trial in made for one in trial.ids}
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    assert ids >= set(tokenizer.get_added_tokens_decoder())
    assert {one for one in ids if one >= size}
    assert {one for one in ids if one < size and "\ufffd" in tokenizer.decode([one], skip_special_tokens=False)}
