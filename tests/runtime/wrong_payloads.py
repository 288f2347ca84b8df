"""Payloads that are refused, each under a name of its own, with the code and the reason that the client is told."""

from typing import Any

from tests.e2e.client import PROMPT

Payload = dict[str, Any]
Row = tuple[Payload, str, str]
NOT_TEXT: tuple[Any, ...] = (7, 1.5, True, [], ["hi"], {}, {"text": "hi"})

OTHERS: tuple[Any, ...] = (1, True, [], {})
NO_NUMBERS: tuple[Any, ...] = ("", "warm", True, [], {}, "nan", "inf", "1e999")
NOT_PLAYED: tuple[Any, ...] = (
    1,
    "r-1",
    [],
    {},
    {"request_id": "r-1"},
    {"chars": 1},
    {"request_id": "r-1", "chars": -1},
)
NO_HISTORY: tuple[Any, ...] = (
    "hello",
    {},
    1,
    [None],
    ["hi"],
    [{}],
    [{"content": "hi"}],
    [{"role": 1, "content": "hi"}],
    [{"role": None, "content": "hi"}],
    [{"role": "user", "content": 5}],
    [{"role": "user", "content": {"text": "hi"}}],
    [{"role": "user", "content": [{"type": "text", "text": 5}]}],
    [{"role": "user", "content": "fine"}, {"role": "assistant", "content": False}],
)


NO_SPEECH: tuple[Any, ...] = (
    "fr",
    7,
    [],
    {"language": "en_US"},
    {"language": 5},
    {"keep_tags": "break"},
    {"keep_tags": ["<break>"]},
    {"keep_tags": [f"t{index}" for index in range(17)]},
    *({"keep_tags": [name]} for name in ("think", "THOUGHT", "seed:think", "tool_call", "function", "channel")),
)


def first(**changes: object) -> Payload:
    """A first start's payload with changes; `...` leaves a key out."""
    whole = {"chat_prompt": PROMPT, "user_utterance": "hi", **changes}
    return {key: value for key, value in whole.items() if value is not ...}


def later(**changes: object) -> Payload:
    """A message's payload with changes."""
    return {"user_utterance": "hi", **changes}


UTTERANCES: dict[str, Row] = {
    "absent": ({}, "invalid_payload", "missing_user_utterance"),
    "null": (later(user_utterance=None), "invalid_payload", "missing_user_utterance"),
    "empty": (later(user_utterance=""), "invalid_payload", "missing_user_utterance"),
    "blank": (later(user_utterance=" \n\t\u3000"), "invalid_payload", "missing_user_utterance"),
    "over 100000": (later(user_utterance="x" * 100_001), "invalid_payload", "utterance_too_large"),
    **{
        f"utterance {value!r}": (later(user_utterance=value), "invalid_payload", "invalid_user_utterance")
        for value in NOT_TEXT
    },
}
RANGES = {
    "temperature": (-0.01, 1.21),
    "top_p": (0.59, 1.01),
    "top_k": (-1, 61),
    "min_p": (-0.01, 0.21),
    "repetition_penalty": (0.99, 1.31),
    "presence_penalty": (-0.1, 0.51),
    "frequency_penalty": (-0.1, 0.51),
}
SAMPLING: dict[str, Row] = {
    **{
        f"{key} {value}": (later(sampling={key: value}), "invalid_payload", f"{key}_out_of_range")
        for key, values in RANGES.items()
        for value in values
    },
    **{
        f"{key} {value!r}": (later(sampling={key: value}), "invalid_payload", f"invalid_{key}")
        for key in RANGES
        for value in NO_NUMBERS
    },
    "half a top_k": (later(sampling={"top_k": 1.5}), "invalid_payload", "invalid_top_k"),
    "half a top_k in words": (later(sampling={"top_k": "1.5"}), "invalid_payload", "invalid_top_k"),
    "a number of 400 digits": (later(sampling={"temperature": 10**400}), "invalid_payload", "invalid_temperature"),
    "alias": (later(sampling_params={"top_p": 2}), "invalid_payload", "top_p_out_of_range"),
    "at payload level": (later(top_p=2), "invalid_payload", "top_p_out_of_range"),
    "a list": (later(sampling=[]), "invalid_payload", "invalid_sampling_payload"),
    "a string": (later(sampling="hot"), "invalid_payload", "invalid_sampling_payload"),
    "a number": (later(sampling=0), "invalid_payload", "invalid_sampling_payload"),
    "sanitize a string": (later(sampling={"sanitize_output": "true"}), "invalid_payload", "invalid_sanitize_output"),
    "sanitize a number": (later(sampling={"sanitize_output": 1}), "invalid_payload", "invalid_sanitize_output"),
    "one bad among good": (later(sampling={"top_k": 5, "top_p": 5}), "invalid_payload", "top_p_out_of_range"),
}
PLAYED: dict[str, Row] = {
    f"played {value!r}": (later(played=value), "invalid_payload", "invalid_played") for value in NOT_PLAYED
}
FIRST: dict[str, Row] = {
    "no prompt": (first(chat_prompt=...), "invalid_settings", "missing_chat_prompt"),
    "prompt null": (first(chat_prompt=None), "invalid_settings", "missing_chat_prompt"),
    "prompt blank": (first(chat_prompt=" \n"), "invalid_settings", "invalid_chat_prompt"),
    "prompt of controls": (first(chat_prompt="\x00\x07\u202e"), "invalid_settings", "invalid_chat_prompt"),
    "prompt of 30151 characters": (first(chat_prompt="x" * 30_151), "invalid_settings", "chat_prompt_too_long"),
    "prompt of many tokens": (first(chat_prompt="語 " * 3_000), "invalid_settings", "chat_prompt_too_long"),
    **{
        f"prompt {value!r}": (first(chat_prompt=value), "invalid_settings", "invalid_chat_prompt") for value in NOT_TEXT
    },
    **{
        f"gender {value!r}": (first(gender=value), "invalid_payload", "invalid_gender")
        for value in (*OTHERS, "", "other", "fem ale")
    },
    **{
        f"personality {value!r}": (first(personality=value), "invalid_payload", "invalid_personality")
        for value in (*OTHERS, "", "sun ny", "r2d2", "x" * 21, "a-b")
    },
    **{
        f"{key} {value!r}": (first(**{key: value}), "invalid_settings", f"invalid_{key}")
        for key in ("check_screen_prefix", "screen_checked_prefix")
        for value in (*OTHERS, "x" * 31)
    },
    **{f"speech {value!r}": (first(speech=value), "invalid_payload", "invalid_speech") for value in NO_SPEECH},
    **{f"history {value!r}": (first(history=value), "invalid_payload", "invalid_history") for value in NO_HISTORY},
    "513 messages": (
        first(history=[{"role": "user", "content": "x"}] * 513),
        "invalid_payload",
        "history_too_large",
    ),
    "6000 messages": (first(history=[{"role": "u", "content": ""}] * 6_000), "invalid_payload", "history_too_large"),
    "200001 characters": (
        first(history=[{"role": "user", "content": "x" * 100_000}] * 2 + [{"role": "user", "content": "x"}]),
        "invalid_payload",
        "history_too_large",
    ),
}
ANY_TURN = UTTERANCES | SAMPLING | PLAYED


__all__ = [
    "ANY_TURN",
    "FIRST",
    "NOT_TEXT",
    "OTHERS",
    "PLAYED",
    "RANGES",
    "SAMPLING",
    "UTTERANCES",
    "Row",
    "first",
    "later",
]
