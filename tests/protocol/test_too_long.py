"""What is over its limit is refused with what a client and an operator can do about it."""

import pytest

from protocol.errors import PeerProtocolError
from protocol.limits import TurnLimits
from protocol.turns import TurnPayload, parse_first_start


def first(changes: dict[str, object]) -> TurnPayload:
    """A first start with these fields."""
    return parse_first_start({"user_utterance": "hi", "chat_prompt": "be kind"} | changes, TurnLimits())


TOO_LONG: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "chat_prompt": ({"chat_prompt": "x" * 30_151}, ("30151 characters", "30150", "PROMPT_SANITIZE_MAX_CHARS")),
    "a chat_prompt beyond sanitising": (
        {"chat_prompt": "x" * 200_000},
        ("200000", "30150", "PROMPT_SANITIZE_MAX_CHARS"),
    ),
    "check_screen_prefix": ({"check_screen_prefix": "x" * 31}, ("31 characters", "30", "SCREEN_PREFIX_MAX_CHARS")),
    "screen_checked_prefix": ({"screen_checked_prefix": "x" * 999}, ("999", "30", "SCREEN_PREFIX_MAX_CHARS")),
    "personality": ({"personality": "x" * 21}, ("21 characters", "20", "PERSONALITY_MAX_LEN")),
    "user_utterance": ({"user_utterance": "x" * 100_001}, ("100001 characters", "100000")),
    "history": ({"history": [{"role": "user", "content": "x"}] * 513}, ("513 messages", "512")),
}


@pytest.mark.parametrize("name", list(TOO_LONG))
def test_a_refusal_of_something_too_long_says_its_size_the_limit_and_the_setting(name: str) -> None:
    payload, words = TOO_LONG[name]
    with pytest.raises(PeerProtocolError) as caught:
        first(payload)
    assert all(word in caught.value.message for word in words), caught.value.message


@pytest.mark.parametrize("key", ["gender", "personality", "chat_prompt", "check_screen_prefix", "user_utterance"])
def test_a_word_a_million_characters_long_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(PeerProtocolError) as caught:
        first({key: "womanly " * 125_000})
    assert len(caught.value.message) < 200
    assert "womanly" not in caught.value.message
