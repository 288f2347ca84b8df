"""A voice that speaks 4.5 words a second beside replies that come in time, late, at once, and in other scripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.session.voice import WORDS_PER_S, Voice

WORD_S = 1 / WORDS_PER_S


def spoken(*pieces: tuple[float, str], ends_at: float) -> Voice:
    """A voice that heard these texts at these times."""
    voice = Voice()
    for at, text in pieces:
        voice.hear(text, at)
    voice.end(ends_at)
    return voice


def test_words_that_come_faster_than_they_are_spoken_leave_no_silence() -> None:
    voice = spoken(*((number * 0.03, "word ") for number in range(50)), ends_at=1.5)
    assert (voice.pauses, voice.silence_s) == (0, 0.0)


def test_a_word_that_is_late_is_one_pause_as_long_as_it_is_late() -> None:
    voice = spoken((0.0, "one "), (WORD_S + 0.5, "two "), (WORD_S + 0.6, "three "), ends_at=2.0)
    assert voice.pauses == 1
    assert voice.silence_s == pytest.approx(0.5)


def test_a_word_is_there_once_it_is_whole() -> None:
    voice = spoken((0.0, "one tw"), (5.0, "o "), ends_at=5.0)
    assert voice.silence_s == pytest.approx(5.0 - WORD_S)


def test_the_last_word_is_whole_when_the_reply_ends() -> None:
    voice = spoken((0.0, "one two"), ends_at=2.0)
    assert voice.silence_s == pytest.approx(2.0 - WORD_S)


def test_what_comes_before_the_first_whole_word_is_no_silence() -> None:
    voice = spoken((0.0, "long"), (3.0, "er "), (3.1, "words "), ends_at=3.1)
    assert voice.pauses == 0


def test_a_reply_without_a_word_does_not_speak() -> None:
    assert not spoken(ends_at=1.0).speaks
    assert spoken((0.0, "Hi"), ends_at=9.0).speaks


def test_characters_of_scripts_without_spaces_are_words() -> None:
    voice = spoken((0.0, "今日は"), (2 * WORD_S, "いい天気"), ends_at=2 * WORD_S)
    assert voice.pauses == 0
    late = spoken((0.0, "今"), (WORD_S + 1.0, "日"), ends_at=WORD_S + 1.0)
    assert late.silence_s == pytest.approx(1.0)


def told_at_once(steps: list[tuple[float, str]], ends_at: float) -> float:
    """Silence, word by word: each word is there at a time, and is spoken then or after the one before it."""
    there: list[float] = []
    in_word = False
    for at, text in steps:
        for character in text:
            there += [at] if character in " \n今" else []
        in_word = text[-1] not in " \n"
    there += [ends_at] if in_word else []
    silence, until = 0.0, there[0] if there else 0.0
    for at in there:
        silence += max(0.0, at - until)
        until = max(at, until) + WORD_S
    return silence


@given(st.lists(st.tuples(st.floats(0, 0.6), st.text("ab \n今é", min_size=1)), max_size=40))
def test_what_it_puts_off_changes_nothing(steps: list[tuple[float, str]]) -> None:
    now, voice, timed = 0.0, Voice(), []
    for gap, text in steps:
        now += gap
        timed.append((now, text))
        voice.hear(text, now)
    voice.end(now)
    assert voice.silence_s == pytest.approx(told_at_once(timed, now), abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 2), st.text("ab \n今é", min_size=1)), max_size=30))
def test_it_never_waits_longer_than_the_reply_takes(steps: list[tuple[float, str]]) -> None:
    now, voice = 0.0, Voice()
    for gap, text in steps:
        now += gap
        voice.hear(text, now)
    voice.end(now)
    assert 0 <= voice.silence_s <= now + 1e-9
    assert (voice.silence_s > 0) <= (voice.pauses > 0)
