"""Dialogues drawn from the packaged scripts."""

import random
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.demo.chat.dialogues import Corpus, Message, load, vary
from tooling.demo.files import read_all

# What the server's own bias map and the sanitizer keep out of spoken text.
UNSPOKEN = re.compile(r"[*()~_#<>{}\[\]…]| - |\bMmh\b|\bhmm\b|\bDamn\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load(read_all("chat"))


def _replies(corpus: Corpus) -> Iterator[str]:
    rng = random.Random(1)
    for topic in corpus.topics:
        for exchange in topic.exchanges:
            for reply in exchange.replies:
                yield corpus.slots.fill(reply, {}, rng)
    for _ in range(100):
        yield corpus.stories.tell(rng)[1]


def test_every_line_of_the_scripts_can_be_filled(corpus: Corpus) -> None:
    rng = random.Random(1)
    for topic in corpus.topics:
        for exchange in topic.exchanges:
            assert exchange.asks
            assert exchange.replies
            for line in (*exchange.asks, *exchange.replies):
                assert "{" not in corpus.slots.fill(line, {}, rng)


def test_replies_are_plain_spoken_sentences(corpus: Corpus) -> None:
    for reply in _replies(corpus):
        assert not UNSPOKEN.search(reply), reply
        assert reply[-1] in ".!?", reply
        assert reply.isascii(), reply


def test_the_same_seed_draws_the_same_dialogue(corpus: Corpus) -> None:
    first, second = (corpus.dialogue(random.Random(7), 12, long_prompt=True) for _ in range(2))
    assert first == second


@given(seed=st.integers(0, 2**32), turns=st.integers(1, 12), long_prompt=st.booleans())
def test_a_dialogue_alternates_and_only_replies_are_learnt(
    corpus: Corpus, seed: int, turns: int, long_prompt: bool
) -> None:
    messages = corpus.dialogue(random.Random(seed), turns, long_prompt=long_prompt)
    spoken = messages[1:] if messages[0].role == "system" else messages
    assert [message.role for message in spoken] == ["user", "assistant"] * (len(spoken) // 2)
    assert len(spoken) >= 2 * turns
    assert all(message.text.strip() for message in messages)
    assert not any(message.learn for message in messages if message.role != "assistant")


def _dialogues(corpus: Corpus) -> Iterator[list[Message]]:
    for seed in range(400):
        yield corpus.dialogue(random.Random(seed), 10)


def test_a_name_is_recalled_only_as_it_was_told(corpus: Corpus) -> None:
    recalled = 0
    for messages in _dialogues(corpus):
        for index, message in enumerate(messages):
            match = re.fullmatch(r"Your name is (\w+)\. Of course I remember!", message.text)
            if match and message.learn:
                recalled += 1
                assert any(match.group(1) in earlier.text for earlier in messages[:index] if earlier.role == "user")
    assert recalled > 20


def test_cut_replies_are_read_but_not_learnt(corpus: Corpus) -> None:
    replies = [message for messages in _dialogues(corpus) for message in messages if message.role == "assistant"]
    cut = [message for message in replies if not message.learn]
    assert 0.03 < len(cut) / len(replies) < 0.1


def test_long_stories_are_long(corpus: Corpus) -> None:
    lengths = [len(corpus.stories.tell(random.Random(seed))[1].split()) for seed in range(200)]
    assert sum(length >= 100 for length in lengths) > 100


@given(st.text(alphabet="abc ?!.", min_size=1).filter(str.strip), st.integers(0, 2**32))
def test_varied_wordings_are_never_empty(ask: str, seed: int) -> None:
    assert vary(ask, random.Random(seed)).strip()


def test_a_screen_marker_stays_in_front_of_what_is_said() -> None:
    for seed in range(50):
        assert vary("MUST CHECK SCREEN: look", random.Random(seed)).startswith("MUST CHECK SCREEN: ")
