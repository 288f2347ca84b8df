"""The parts that the loaded models do not reach: bias files, the cache's bound, tokenizers that cannot locate."""

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from engines.errors import EngineStartFailed
from engines.prompts.bias import BUILT_IN, load_bias_file, resolve_bias
from engines.prompts.cutting import cut_end, cut_start
from engines.prompts.encoder import Encoder
from engines.prompts.messages import Accepts, PromptMessage, arrange
from engines.prompts.recent import Recent
from engines.prompts.segments import Segments

LETTERS = Encoder(lambda text: [ord(char) for char in text if not char.isspace()])


def bias_file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "bias.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_bias_file_is_read(tmp_path: Path) -> None:
    assert load_bias_file(bias_file(tmp_path, '{"~": -100, " - ": 2.5}')) == {"~": -100.0, " - ": 2.5}
    assert load_bias_file(bias_file(tmp_path, "{}")) == {}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is not JSON"),
        (b"\xff{}", "is not JSON"),
        ("[]", "holds a list, not an object"),
        ('{"a": "b"}', "for 'a'; give a number"),
        ('{"a": true}', "for 'a'; give a number"),
        ('{"a": -101}', "the range is -100 to 100"),
        ('{"a": NaN}', "the range is -100 to 100"),
        ('{"a": 1e999}', "the range is -100 to 100"),
        ('{"": 1}', "empty text"),
    ],
)
def test_a_bad_bias_file_is_refused_with_what_to_change(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    with pytest.raises(EngineStartFailed, match=complaint):
        load_bias_file(bias_file(tmp_path, content))


def test_a_missing_bias_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineStartFailed, match=r"nowhere\.json cannot be read"):
        load_bias_file(tmp_path / "nowhere.json")


def test_the_built_in_bias_bans_eleven_texts() -> None:
    assert len(BUILT_IN) == 11
    assert set(BUILT_IN.values()) == {-100.0}


def test_two_texts_of_one_token_keep_the_lowest_bias() -> None:
    assert resolve_bias({"a": 3.0, " a": -4.0, "a ": 1.0}, LETTERS).token_bias == {ord("a"): -4.0}


def test_a_text_that_is_unknown_to_the_vocabulary_is_skipped() -> None:
    encoder = evolve(LETTERS, unknown=frozenset({97}))
    assert resolve_bias({"a": -100.0, "": -100.0, "ab": -100.0}, encoder).skipped == ("a", "", "ab")


@given(st.text("ab ", max_size=30), st.integers(0, 12))
def test_a_tokenizer_that_cannot_locate_is_cut_by_halving(text: str, tokens: int) -> None:
    start, cost = cut_start(LETTERS, text, tokens)
    assert text.startswith(start)
    assert cost == LETTERS.count(start) == min(tokens, LETTERS.count(text))
    end, cost = cut_end(LETTERS, text, tokens)
    assert text.endswith(end)
    assert cost == LETTERS.count(end) == min(tokens, LETTERS.count(text))


def test_what_the_last_round_held_is_not_worked_out_again_and_what_it_did_not_hold_is_forgotten() -> None:
    made: list[str] = []

    def make(text: str) -> int:
        made.append(text)
        return len(text)

    recent = Recent(make)
    for texts in (["a", "bb"], ["bb", "ccc"], ["a", "bb"], []):
        recent.next_round()
        assert [recent[text] for text in texts] == [len(text) for text in texts]
    assert made == ["a", "bb", "ccc", "a"]
    recent.next_round()
    assert len(recent) == 0


def test_without_added_tokens_a_text_is_tokenised_whole() -> None:
    assert Segments(LETTERS, ()).ids("ab") == [97, 98]


def test_a_history_that_opens_with_the_assistant_gets_a_user_before_it() -> None:
    said = [PromptMessage("system", "s"), PromptMessage("assistant", "a"), PromptMessage("user", "u")]
    assert [m.text for m in arrange(said, Accepts(assistant_first=False))] == ["s", "...", "a", "u"]
    assert [m.text for m in arrange(said, Accepts(system=False, assistant_first=False))] == ["s\n\n...", "a", "u"]
    assert [m.text for m in arrange(said, Accepts(system=False))] == ["a", "s\n\nu"]
