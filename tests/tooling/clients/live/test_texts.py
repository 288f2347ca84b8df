"""What may reach a terminal, how it is broken into lines, and what a half-typed command can become."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth

from tooling.clients.live.commands import COMMANDS, command_named, completed, continuations, help_text
from tooling.clients.live.screens.status import State, Status
from tooling.clients.live.screens.visible import encodable, typed, visible
from tooling.clients.live.screens.wrapping import Wrapping

# Letters, blanks and line ends, wide ones, combining ones, control characters, halves of surrogate pairs.
TEXTS = st.text(
    st.sampled_from("ab  \n\t日é\u0301👍🏽\x1b[]\x9b\x07\r\u202e\ud83d") | st.characters(exclude_categories=())
)
PERSONAS = ("anna_flirty", "anna_warm", "mark_warm")


@given(TEXTS)
def test_nothing_visible_is_a_control_character_and_everything_can_be_encoded(text: str) -> None:
    for letter in visible(text):
        assert unicodedata.category(letter) not in ("Cc", "Cs") or letter in "\n\t"
        assert letter not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    visible(text).encode()
    typed(text).encode()
    encodable(text).encode()


@given(TEXTS, TEXTS)
def test_a_text_is_made_visible_in_any_pieces(first: str, second: str) -> None:
    assert visible(first) + visible(second) == visible(first + second)


def test_ordinary_text_stays_as_it_is() -> None:
    text = "Ça va? 日本語 👩‍👩‍👧 “quoted”\n\tindented"
    assert visible(text) == typed(text) == encodable(text) == text


@given(TEXTS, st.integers(1, 20))
def test_lines_hold_every_letter_and_fit(text: str, width: int) -> None:
    wrapping = Wrapping(width)
    shown = visible(text)
    lines = [*wrapping.feed(shown), wrapping.rest()]
    assert "".join("".join(lines).split()) == "".join(shown.split())
    for line in lines:
        assert sum(map(get_cwidth, line)) <= max(width, 2), "a wide letter has its line even where it does not fit"


@given(st.lists(TEXTS), st.integers(1, 20))
def test_a_line_is_final_whatever_the_pieces(pieces: list[str], width: int) -> None:
    shown = [visible(piece) for piece in pieces]
    bit_by_bit, at_once = Wrapping(width), Wrapping(width)
    lines = [line for piece in shown for line in bit_by_bit.feed(piece)]
    assert lines == at_once.feed("".join(shown))
    assert bit_by_bit.line == at_once.line


def test_lines_break_at_words_and_only_longer_words_are_cut() -> None:
    wrapping = Wrapping(10)
    assert wrapping.feed("one two three incomprehensible end\n  indented") == [
        "one two",
        "three",
        "incomprehe",
        "nsible end",
    ]
    assert wrapping.rest() == "  indented"
    assert Wrapping(10).feed("日本語日本語") == ["日本語日本"]


def test_another_width_wraps_what_is_unfinished_again() -> None:
    wrapping = Wrapping(40)
    wrapping.feed("a line that is not finished")
    assert wrapping.resized(12) == ["a line that", "is not"]
    assert wrapping.line == "finished"


def test_a_half_typed_command_goes_on_as_far_as_it_is_certain() -> None:
    for half, whole in (
        ("/", "/"),
        ("/h", "/h"),
        ("/he", "/help "),
        ("/pe", "/persona "),
        ("/personas", "/personas "),
        ("/q", "/quit "),
        ("/persona a", "/persona anna_"),
        ("/persona anna_f", "/persona anna_flirty "),
        ("/persona anna_flirty ", "/persona anna_flirty fresh "),
        ("/stats o", "/stats o"),
        ("/stats of", "/stats off "),
        ("/nope x", "/nope x"),
        ("hello /pe", "hello /pe"),
        ("/persona a\nb", "/persona a\nb"),
    ):
        assert completed(half, PERSONAS) == whole, half
    assert continuations("/s", PERSONAS) == ["/stats", "/stop"]
    assert continuations("/persona mark_warm fresh ", PERSONAS) == []


@given(st.text(st.sampled_from("/persontafrk _h\n")))
def test_completing_only_ever_adds(text: str) -> None:
    assert completed(text, PERSONAS).startswith(text)


def test_help_names_every_command_and_every_other_name_of_it() -> None:
    text = help_text()
    for command in COMMANDS:
        assert command.usage in text
        for name in (command.name, *command.aliases):
            assert name in text
            assert command_named(name.upper()) is command


def test_the_status_begins_with_the_state_whose_sign_is_its_own() -> None:
    assert len({state.value[0] for state in State}) == len(State)
    told = Status(state=State.IDLE, persona="anna", ttft_ms=20.4, tokens_per_s=44.6, turns=1).line()
    assert told == "○ idle · anna · ttft 20 ms · 45 tokens/s · 1 turn"
    assert Status().line() == "◌ connecting"
