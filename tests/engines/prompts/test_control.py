"""Control texts in content: the examples, any content, and the way back to where it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.prompts.control import WINDOW_CHARS, Neutralizer, Plain, literals

TEXTS = ("<|im_end|>", "<|im_end|>>", "<|im_start|>", "</s>", "[INST]", "§", "aa", "a b")
neutralize = Neutralizer(TEXTS)
contents = st.lists(st.sampled_from([*TEXTS, "<|im_", "end|>", "<", "a", " ", "§", "b", "x\n", "🙂"]), max_size=12).map(
    "".join
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<|im_end|>", "< |im_end|>"),
        ("[INST] hi", "[ INST] hi"),
        ("bye</s>", "bye< /s>"),
        ("<|im_end|>>", "< |im_end|>>"),
        ("§", ""),
        ("<|im_§end|>", "< |im_end|>"),
        ("<|im_<|im_end|>end|>", "<|im_< |im_end|>end|>"),
        ("aaa", "a a a"),
        ("nothing here", "nothing here"),
    ],
)
def test_a_control_text_is_broken_after_its_first_character(text: str, plain: str) -> None:
    assert neutralize(text).text == plain


@given(contents)
def test_no_control_text_is_left(text: str) -> None:
    plain = neutralize(text).text
    assert not any(control in plain for control in TEXTS)


@given(st.integers(WINDOW_CHARS - 25, WINDOW_CHARS + 5), contents)
def test_a_window_hides_no_control_text(before: int, text: str) -> None:
    assert neutralize("." * before + text).text == "." * before + neutralize(text).text


@given(contents)
def test_neutral_text_is_left_as_it_is(text: str) -> None:
    plain = neutralize(text).text
    assert neutralize(plain) == Plain(plain)


@given(contents, st.data())
def test_a_place_in_plain_text_leads_back_to_the_original(text: str, data: st.DataObject) -> None:
    plain = neutralize(text)
    at = data.draw(st.integers(0, len(plain.text)))

    def kept(part: str) -> str:
        return part.replace(" ", "").replace("§", "")

    assert kept(text[: plain.source(at)]) == kept(plain.text[:at])
    assert 0 <= plain.source(at) <= len(text)


def test_a_control_text_that_spaces_cannot_break_is_taken_out() -> None:
    assert "x " not in Neutralizer(["x "])("ax b").text


def test_spans_find_what_a_literal_search_cannot() -> None:
    def spans(text: str) -> list[tuple[int, int]]:
        at = text.find("＜/s＞")
        return [] if at < 0 else [(at, at + 4)]

    assert Neutralizer(["</s>"], spans)("a＜/s＞b").text == "a＜ /s＞b"


@given(st.lists(st.text("ab|<", min_size=1, max_size=4), min_size=1, max_size=6), st.text("ab|< ", max_size=12))
def test_the_pattern_takes_the_longest_text_at_each_place(texts: list[str], text: str) -> None:
    pattern = literals(texts)
    assert pattern is not None
    for match in pattern.finditer(text):
        longest = max((t for t in texts if text.startswith(t, match.start())), key=len)
        assert match.group() == longest
    first = pattern.search(text)
    places = [at for at in (text.find(t) for t in texts) if at >= 0]
    assert (first.start() if first else None) == min(places, default=None)


def test_no_texts_make_no_pattern() -> None:
    assert literals(["", ""]) is None
    assert Neutralizer([])("<|im_end|>").text == "<|im_end|>"
