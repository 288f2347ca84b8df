"""How a reply is spoken as it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.clients.capacity.voice import SENTENCE_WORDS, WORDS_PER_S, Voice

GAP = 1 / WORDS_PER_S
PIECES = st.lists(st.sampled_from(["Yes", " no", ". ", "?", " maybe", " 3.5", "\n", "はい", "。", "!”"]), max_size=40)


def voice(*arrivals: tuple[str, float], closed_at: float | None = None) -> Voice:
    return Voice(list(arrivals), closed_at)


def test_the_voice_begins_with_the_first_whole_sentence() -> None:
    playback = voice(("Hello", 1.0), (" there", 2.0), (".", 3.0), (" How", 4.0), (" are", 5.0)).playback()
    assert playback.sentence_at == 4.0  # a mark ends a sentence once white space follows
    assert playback.words == ((5, 4.0 + GAP), (12, 4.0 + 2 * GAP), (16, 5.0 + GAP))


def test_a_point_within_a_number_ends_no_sentence() -> None:
    assert voice(("It is 3", 1.0), (".5 metres", 2.0)).playback().sentence_at is None


def test_a_reply_without_a_mark_is_spoken_from_its_end_on() -> None:
    assert voice(("Hello there", 1.0)).playback().sentence_at is None
    assert voice(("Hello there", 1.0), closed_at=2.0).playback().sentence_at == 2.0


def test_a_text_that_never_closes_a_sentence_is_spoken_after_so_many_words() -> None:
    words = [(f" word{number}", float(number)) for number in range(SENTENCE_WORDS + 1)]
    assert voice(*words).playback().sentence_at == SENTENCE_WORDS
    assert voice(*words[:-1]).playback().sentence_at is None


def test_text_that_comes_while_the_voice_speaks_is_in_time() -> None:
    playback = voice(("One two three. ", 1.0), ("Four ", 1.0 + 2.9 * GAP), closed_at=2.0).playback()
    assert not playback.ran_dry
    assert playback.ends_at == pytest.approx(1.0 + 4 * GAP)


def test_text_that_is_later_than_the_voice_needs_it_runs_dry() -> None:
    playback = voice(("One two three. ", 1.0), ("Four ", 1.0 + 3.1 * GAP), closed_at=9.0).playback()
    assert playback.ran_dry
    assert playback.ends_at == pytest.approx(1.0 + 4.1 * GAP)


def test_what_was_heard_ends_with_a_spoken_word() -> None:
    said = voice(("One two. Three four.", 0.0), closed_at=0.0)
    text, playback = said.text(), said.playback()
    assert [text[: playback.heard(n * GAP)] for n in range(5)] == ["", "One", "One two.", "One two. Three", text]


def test_scripts_without_spaces_count_their_characters() -> None:
    playback = voice(("はい。わかった", 1.0), closed_at=3.0).playback()
    assert playback.sentence_at == 1.0
    assert len(playback.words) == 6


@given(PIECES, st.lists(st.floats(0, 3), min_size=40, max_size=40))
def test_a_reply_is_spoken_whole_in_order_and_never_before_it_came(pieces: list[str], gaps: list[float]) -> None:
    now, said = 0.0, Voice()
    for piece, gap in zip(pieces, gaps, strict=False):
        now += gap
        said.arrivals.append((piece, now))
    said.closed_at = now
    playback, text = said.playback(), said.text()
    ends = [end for end, _ in playback.words]
    assert ends == sorted(set(ends))
    assert (ends or [0])[-1] == len(text.rstrip())
    for (end, at), (piece_end, came) in ((word, piece) for word in playback.words for piece in _ends(said)):
        assert at > came or piece_end > end + 1 or piece_end < end
    assert playback.heard(playback.ends_at) == (ends or [0])[-1]


def _ends(said: Voice) -> list[tuple[int, float]]:
    """Where each piece ends in the text, and when it came."""
    ends, length = [], 0
    for text, at in said.arrivals:
        length += len(text)
        ends.append((length, at))
    return ends
