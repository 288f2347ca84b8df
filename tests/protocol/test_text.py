"""Sanitising of chat prompts and prefixes, row by row and for any text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.text import sanitize_prompt


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("cafÃ©", "café"),
        ("&amp; &lt;b&gt;", "& <b>"),
        ("Ｈｉ", "Hi"),
        ("<i>x</i> &amp;", "<i>x</i> &amp;"),
        (r"say \"hi\"", "say hi"),
        (r"it\\'s", "its"),
        (r"C:\dir", r"C:\dir"),
        ('"plain"', '"plain"'),
        ("ﬁne", "fine"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\u00a0b", "a b"),
        ("“curly” ‘quotes’", "\"curly\" 'quotes'"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("wait…", "wait..."),
        ("a\u200bb", "a\u200bb"),
        ("a\u202eb\u2066c\u2069\u200e\u200f\u061cd", "abcd"),
        ("a\x00\x07\x7fb\tc\nd", "ab\tc\nd"),
        ("  \n padded \t", "padded"),
        ("\u202e \x00", ""),
        ("", ""),
    ],
)
def test_a_prompt_is_sanitised_as_the_table_says(given_text: str, kept: str) -> None:
    assert sanitize_prompt(given_text) == kept


@given(st.text(st.characters(codec=None)))
def test_a_sanitised_prompt_holds_no_controls_and_no_margins(text: str) -> None:
    kept = sanitize_prompt(text)
    assert kept == kept.strip() == kept.encode().decode()
    assert not any(unicodedata.category(char) == "Cc" and char not in "\t\n\r" and ord(char) < 128 for char in kept)
    assert not any(char in kept for char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert '\\"' not in kept
    assert "\\'" not in kept


def test_only_lone_surrogates_are_replaced() -> None:
    assert sanitize_prompt("a\ud83db😀\udfff") == "a\ufffdb😀\ufffd"
