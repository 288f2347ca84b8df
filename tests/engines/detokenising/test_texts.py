"""Ours is, piece by piece, what the library would have streamed, whatever ids come and however they are bundled."""

import functools
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from engines.detokenising import ByteTable, DecodeStreams, Detokeniser, Runs, byte_tokens
from tests.engines.detokenising import vocabularies

TEXTS = st.text(st.characters(exclude_characters="\ufffd", exclude_categories=["Cs"]))


def _ids(tokenizer: Tokenizer) -> st.SearchStrategy[list[int]]:
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    broken = tokenizer.encode("日本語 👩‍🚀 é", add_special_tokens=False).ids or [0]
    return st.lists(
        st.one_of(
            st.integers(0, size - 1),
            st.sampled_from(broken),
            st.sampled_from(list(tokenizer.get_added_tokens_decoder())),
            st.integers(size, 2**32 - 1),
        ),
        max_size=40,
    )


MAKERS: dict[str, tuple[Callable[[], Tokenizer], Callable[[Tokenizer], Detokeniser | None]]] = {
    "byte table": (vocabularies.byte_level, ByteTable.of),
    "streams, byte-level": (vocabularies.byte_level, DecodeStreams.of),
    "streams, misread": (vocabularies.misread, DecodeStreams.of),
    "streams, pieces": (vocabularies.pieces, DecodeStreams.of),
    "streams, word pieces": (vocabularies.word_pieces, DecodeStreams.of),
}


@functools.cache
def _made(name: str) -> tuple[Tokenizer, Detokeniser]:
    vocabulary, make = MAKERS[name]
    made = make(vocabulary())
    assert made is not None
    return vocabulary(), made


def _table() -> ByteTable:
    _, table = _made("byte table")
    assert isinstance(table, ByteTable)
    return table


every_vocabulary = pytest.mark.parametrize("name", MAKERS)


@every_vocabulary
@given(data=st.data())
def test_every_token_brings_the_librarys_own_piece(name: str, data: st.DataObject) -> None:
    tokenizer, made = _made(name)
    prompt = data.draw(st.lists(st.integers(0, tokenizer.get_vocab_size() - 1), min_size=1, max_size=4))
    # A prompt is whole characters: half a one before the reply would be half a one in the window.
    prompt += tokenizer.encode("fox", add_special_tokens=False).ids
    runs = Runs(byte_tokens(tokenizer.token_to_id, tokenizer.decode))
    ids = [whole for one in data.draw(_ids(tokenizer)) for whole in runs.push(one)]
    text = made.begin(prompt)
    assert [text.push([one]) for one in ids] == vocabularies.library(tokenizer, prompt, ids)


@every_vocabulary
@given(data=st.data())
def test_several_tokens_of_one_step_bring_the_same_text(name: str, data: st.DataObject) -> None:
    tokenizer, made = _made(name)
    ids = data.draw(_ids(tokenizer))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(ids)), max_size=5)))
    alone, together = made.begin([0]), made.begin([0])
    bundles = [ids[start:end] for start, end in zip([0, *cuts], [*cuts, len(ids)], strict=True)]
    assert "".join(alone.push([one]) for one in ids) == "".join(together.push(bundle) for bundle in bundles)


@given(text=TEXTS)
def test_pieces_are_whole_characters_and_add_up(text: str) -> None:
    reply = _table().begin([])
    pieces = [reply.push([one]) for one in vocabularies.byte_level().encode(text, add_special_tokens=False).ids]
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


@pytest.mark.parametrize("ids", [[320], [323], [100_000], [2**31], [2**32], [2**70], [-1], [-300], []])
@every_vocabulary
def test_an_id_outside_the_vocabulary_has_no_text_and_disturbs_nothing(name: str, ids: Sequence[int]) -> None:
    tokenizer, made = _made(name)
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    reply, undisturbed = made.begin([0]), made.begin([0])
    known = tokenizer.encode("fox", add_special_tokens=False).ids
    for one in known:
        assert reply.push([one]) == undisturbed.push([one])
        assert reply.push([each for each in ids if not 0 <= each < size]) == ""


def test_special_tokens_are_text_like_any_other() -> None:
    tokenizer = vocabularies.byte_level()
    ids: list[int] = []
    for token in ("<|im_start|>", "two words", "<|tool|>", "<|im_end|>"):
        id_ = tokenizer.token_to_id(token)
        assert id_ is not None
        ids.append(id_)
    assert _table().begin([]).push(ids) == "<|im_start|>two words<|tool|><|im_end|>"


def test_bytes_that_never_become_a_character_wait_for_what_follows_and_do_not_hold_it_up() -> None:
    tokenizer = vocabularies.byte_level()
    broken = tokenizer.encode("é", add_special_tokens=False).ids[0]
    assert _table().whole[broken] is None
    reply = _table().begin([])
    assert reply.push([broken] * 3) == ""
    (letter,) = tokenizer.encode("f", add_special_tokens=False).ids
    assert reply.push([letter]) == "\ufffd\ufffd\ufffdf"


def byte_ids(tokenizer: Tokenizer, raw: bytes) -> list[int]:
    """The tokens of single bytes."""
    ids = [tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in raw]
    return [id_ for id_ in ids if id_ is not None]


@given(before=TEXTS, stray=st.binary(max_size=6), after=TEXTS)
def test_a_stray_byte_takes_no_character_beside_it_along(before: str, stray: bytes, after: str) -> None:
    raw = before.encode() + stray + after.encode() + b"."
    text = _made("streams, pieces")[1].begin(vocabularies.pieces().encode("the").ids)
    assert text.push(byte_ids(vocabularies.pieces(), raw)) == raw.decode(errors="ignore")


@given(st.binary(max_size=12))
def test_of_bytes_that_are_tokens_exactly_the_characters_are_let_through(raw: bytes) -> None:
    runs = Runs({100 + byte: byte for byte in range(256)})
    released = [list(runs.push(100 + byte)) for byte in raw]
    assert bytes(one - 100 for ids in released for one in ids).decode() == raw.decode(errors="ignore")
    assert list(runs.push(7)) == [7]
