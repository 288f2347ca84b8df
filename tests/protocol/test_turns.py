"""Every field of a turn frame, and every way in which it can be wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import PeerProtocolError
from protocol.limits import TurnLimits
from protocol.turns import (
    HistoryItem,
    Persona,
    Played,
    carries_persona,
    parse_cancel_reason,
    parse_first_start,
    parse_followup,
    parse_played,
    parse_turn,
)

LIMITS = TurnLimits()
TOOL = TurnLimits(chat=False, tools=True)
START: dict[str, Any] = {"user_utterance": "hi", "chat_prompt": "be kind"}
LONG = "x" * 100_001


def first(**changes: Any) -> Any:
    return parse_first_start({**START, **changes}, LIMITS)


def text_part(text: str, kind: str = "text") -> dict[str, str]:
    return {"type": kind, "text": text}


ROWS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no utterance": ({"user_utterance": None}, "invalid_payload", "missing_user_utterance"),
    "an empty utterance": ({"user_utterance": ""}, "invalid_payload", "missing_user_utterance"),
    "a blank utterance": ({"user_utterance": " \n"}, "invalid_payload", "missing_user_utterance"),
    "a numeric utterance": ({"user_utterance": 7}, "invalid_payload", "invalid_user_utterance"),
    "an utterance of parts": ({"user_utterance": [text_part("hi")]}, "invalid_payload", "invalid_user_utterance"),
    "an utterance too large": ({"user_utterance": LONG}, "invalid_payload", "utterance_too_large"),
    "no chat prompt": ({"chat_prompt": None}, "invalid_settings", "missing_chat_prompt"),
    "a numeric chat prompt": ({"chat_prompt": 7}, "invalid_settings", "invalid_chat_prompt"),
    "a blank chat prompt": ({"chat_prompt": "  "}, "invalid_settings", "invalid_chat_prompt"),
    "a chat prompt of control characters": ({"chat_prompt": "\x01\u202e"}, "invalid_settings", "invalid_chat_prompt"),
    "a chat prompt too long": ({"chat_prompt": "x" * 30151}, "invalid_settings", "chat_prompt_too_long"),
    "an unknown gender": ({"gender": "robot"}, "invalid_payload", "invalid_gender"),
    "a numeric gender": ({"gender": 1}, "invalid_payload", "invalid_gender"),
    "an empty personality": ({"personality": ""}, "invalid_payload", "invalid_personality"),
    "a personality of two words": ({"personality": "very kind"}, "invalid_payload", "invalid_personality"),
    "a personality with digits": ({"personality": "kind2"}, "invalid_payload", "invalid_personality"),
    "a personality too long": ({"personality": "x" * 21}, "invalid_payload", "invalid_personality"),
    "a numeric personality": ({"personality": 2}, "invalid_payload", "invalid_personality"),
    "a check prefix too long": ({"check_screen_prefix": "x" * 31}, "invalid_settings", "invalid_check_screen_prefix"),
    "a numeric check prefix": ({"check_screen_prefix": 1}, "invalid_settings", "invalid_check_screen_prefix"),
    "a checked prefix too long": (
        {"screen_checked_prefix": "x" * 31},
        "invalid_settings",
        "invalid_screen_checked_prefix",
    ),
    "a history that is a string": ({"history": "u: hi"}, "invalid_payload", "invalid_history"),
    "a history that is an object": ({"history": {}}, "invalid_payload", "invalid_history"),
    "a history of strings": ({"history": ["hi"]}, "invalid_payload", "invalid_history"),
    "a history without roles": ({"history": [{"content": "hi"}]}, "invalid_payload", "invalid_history"),
    "a history with a numeric role": ({"history": [{"role": 1, "content": "x"}]}, "invalid_payload", "invalid_history"),
    "a history with a text part that is no text": (
        {"history": [{"role": "user", "content": [{"type": "text", "text": 7}]}]},
        "invalid_payload",
        "invalid_history",
    ),
    "a history with a numeric content": (
        {"history": [{"role": "user", "content": 7}]},
        "invalid_payload",
        "invalid_history",
    ),
    "a history with an object as content": (
        {"history": [{"role": "user", "content": {"type": "text", "text": "x"}}]},
        "invalid_payload",
        "invalid_history",
    ),
    "a history of too many messages": (
        {"history": [{"role": "user", "content": "x"}] * 513},
        "invalid_payload",
        "history_too_large",
    ),
    "a history of ten thousand messages, all of them wrong": (
        {"history": [None] * 10_000},
        "invalid_payload",
        "history_too_large",
    ),
    "a history of too many characters": (
        {"history": [{"role": "user", "content": LONG}, {"role": "assistant", "content": LONG}]},
        "invalid_payload",
        "history_too_large",
    ),
    "a sampling that is a list": ({"sampling": []}, "invalid_payload", "invalid_sampling_payload"),
    "a sampling value out of range": ({"temperature": 5}, "invalid_payload", "temperature_out_of_range"),
    "a played that is a number": ({"played": 5}, "invalid_payload", "invalid_played"),
    "a played without a turn": ({"played": {"chars": 5}}, "invalid_payload", "invalid_played"),
    "a played without a count": ({"played": {"request_id": "r"}}, "invalid_payload", "invalid_played"),
    "a played with a negative count": (
        {"played": {"request_id": "r", "chars": -1}},
        "invalid_payload",
        "invalid_played",
    ),
    "a played with a fractional count": (
        {"played": {"request_id": "r", "chars": 1.5}},
        "invalid_payload",
        "invalid_played",
    ),
    "a played with a boolean count": (
        {"played": {"request_id": "r", "chars": True}},
        "invalid_payload",
        "invalid_played",
    ),
}


@pytest.mark.parametrize("name", list(ROWS))
def test_each_wrong_field_of_a_first_start_is_refused_by_name(name: str) -> None:
    changes, code, reason_code = ROWS[name]
    with pytest.raises(PeerProtocolError) as caught:
        first(**changes)
    assert (caught.value.code, caught.value.reason_code) == (code, reason_code)
    assert not any(
        isinstance(value, str) and len(value) > 50 and value in str(caught.value) for value in changes.values()
    )


def test_null_is_absence_for_every_optional_field() -> None:
    nulls = ("gender", "personality", "history", "sampling", "check_screen_prefix", "screen_checked_prefix", "played")
    assert first(**dict.fromkeys(nulls)) == first()
    assert first().history is None


def test_a_first_start_with_everything() -> None:
    turn = first(
        user_utterance="  hi ",
        gender=" Woman ",
        personality=" Wise ",
        check_screen_prefix=' LOOK\\"\u202e ',
        screen_checked_prefix="  ",
        history=[{"role": "User ", "content": [text_part("a"), text_part("b", "input_text")]}],
        played={"request_id": 5, "chars": 0},
    )
    assert turn.text == "hi"
    assert turn.persona == Persona(
        gender="female", personality="Wise", chat_prompt="be kind", check_prefix="LOOK", checked_prefix=None
    )
    assert turn.history == (HistoryItem("User ", "a\nb"),)
    assert turn.played == Played("5", 0)


CONTENTS: dict[str, tuple[dict[str, object], str]] = {
    "a string": ({"content": "a"}, "a"),
    "null beside tool calls": ({"content": None, "tool_calls": [{"id": "c"}]}, ""),
    "no content": ({}, ""),
    "no parts": ({"content": []}, ""),
    "plain strings": ({"content": ["a", "b"]}, "a\nb"),
    "text parts of each API and a string": (
        {"content": [text_part("a"), "b", text_part("c", "input_text"), text_part("d", "output_text")]},
        "a\nb\nc\nd",
    ),
    "an image beside text": ({"content": [{"type": "image_url", "image_url": {"url": "x"}}, text_part("a")]}, "a"),
    "a text beside its annotations": ({"content": [{"type": "text", "text": {"value": "a", "annotations": []}}]}, "a"),
    "a text part without its text": ({"content": [{"type": "text"}, {"type": "text", "text": {}}, "a"]}, "a"),
    "a name, a refusal and audio at the top": (
        {"content": "a", "name": "n", "refusal": None, "audio": {"id": "x"}},
        "a",
    ),
    "a refusal": ({"content": [{"type": "refusal", "refusal": "no"}]}, ""),
    "audio, a part without a type, a null": ({"content": [{"type": "input_audio"}, {"text": "x"}, None, 7]}, ""),
}


@pytest.mark.parametrize("name", list(CONTENTS))
def test_a_history_takes_every_shape_of_content_that_has_text_or_nothing_to_say(name: str) -> None:
    message, text = CONTENTS[name]
    assert first(history=[{"role": "assistant", **message}]).history == (HistoryItem("assistant", text),)


def test_the_turn_that_was_played_may_have_a_name_longer_than_any_turn() -> None:
    played = first(played={"request_id": "r" * 1_000_000, "chars": 1}).played
    assert played is not None and len(played.request_id) == 129


@pytest.mark.parametrize(
    ("given", "kept"), [("female", "female"), ("WOMAN", "female"), ("Male", "male"), ("man", "male")]
)
def test_genders_have_aliases_in_any_case(given: str, kept: str) -> None:
    assert first(gender=given).persona.gender == kept


def test_limits_are_inclusive() -> None:
    history = [{"role": "user", "content": "x" * 200_000}]
    turn = first(user_utterance="x" * 100_000, chat_prompt="x" * 30_150, personality="x" * 20, history=history)
    assert len(turn.text) == 100_000
    assert len(first(history=[{"role": "user", "content": "x"}] * 512).history) == 512
    assert first(check_screen_prefix="x" * 30).persona.check_prefix == "x" * 30


def test_tool_mode_ignores_the_chat_prompt_the_sampling_and_the_prefixes_but_not_the_rest() -> None:
    payload = {
        "user_utterance": "hi",
        "chat_prompt": 7,
        "sampling": "junk",
        "check_screen_prefix": 5,
        "screen_checked_prefix": "x" * 99,
        "gender": "male",
    }
    turn = parse_first_start(payload, TOOL)
    assert turn.persona == Persona(gender="male")
    assert turn.overrides == {}
    with pytest.raises(PeerProtocolError, match="gender"):
        parse_first_start({**payload, "gender": 5}, TOOL)


def test_a_later_start_ignores_persona_and_history_however_wrong_they_are() -> None:
    payload = {"user_utterance": "hi", "chat_prompt": 7, "gender": "robot", "history": "junk"}
    turn = parse_turn(payload, LIMITS, locked=carries_persona(payload))
    assert (turn.text, turn.persona, turn.history, turn.locked) == ("hi", None, None, True)
    assert not carries_persona({"user_utterance": "hi", "gender": None, "history": []})


def test_a_message_merges_sampling_and_ignores_it_in_tool_mode() -> None:
    payload = {"user_utterance": "hi", "sampling": {"top_k": 1}}
    assert parse_turn(payload, LIMITS).overrides == {"top_k": 1}
    assert parse_turn(payload, TOOL).overrides == {}


@pytest.mark.parametrize(
    ("value", "reason_code"),
    [
        (None, "missing_analysis_text"),
        (" ", "missing_analysis_text"),
        (5, "invalid_analysis_text"),
        (LONG, "utterance_too_large"),
    ],
    ids=["null", "blank", "number", "too large"],
)
def test_a_followup_needs_an_analysis(value: object, reason_code: str) -> None:
    with pytest.raises(PeerProtocolError) as caught:
        parse_followup({"analysis_text": value})
    assert caught.value.reason_code == reason_code


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, "client_request"),
        ({"reason": None}, "client_request"),
        ({"reason": " "}, "client_request"),
        ({"reason": "typed"}, "typed"),
        ({"reason": "x" * 64}, "x" * 64),
    ],
)
def test_a_cancel_has_the_clients_reason_or_the_default(payload: dict[str, Any], reason: str) -> None:
    assert parse_cancel_reason(payload) == reason


@pytest.mark.parametrize("reason", [5, True, [], "x" * 65])
def test_a_cancel_reason_that_is_no_short_string_is_refused(reason: object) -> None:
    with pytest.raises(PeerProtocolError) as caught:
        parse_cancel_reason({"reason": reason})
    assert caught.value.reason_code == "invalid_reason"


FIELDS = sorted(
    {*START, "gender", "personality", "history", "sampling", "played", "check_screen_prefix", "temperature"}
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "request_id", "chars", "top_k"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(FIELDS), JUNK))
def test_any_payload_is_a_turn_or_a_refusal_with_a_code_of_its_own(payload: dict[str, Any]) -> None:
    codes: set[str] = set()
    for parse in (
        lambda: parse_first_start({**START, **payload}, LIMITS),
        lambda: parse_turn(payload, LIMITS),
        lambda: parse_played(payload),
        lambda: parse_cancel_reason(payload),
    ):
        try:
            parse()
        except PeerProtocolError as error:
            codes.add(error.code)
    assert codes <= {"invalid_payload", "invalid_settings"}
