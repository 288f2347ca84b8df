"""The envelope's checks, one by one and in their order; and a fuzzer, because everything passes through here."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.envelope import MAX_ID_CHARS, Envelope, decode
from protocol.errors import PeerProtocolError

GOOD: dict[str, Any] = {"type": "ping", "session_id": "s", "request_id": "r", "payload": {}}


def refusal(frame: str | bytes) -> PeerProtocolError:
    with pytest.raises(PeerProtocolError) as caught:
        decode(frame)
    assert caught.value.code == "invalid_message"
    assert caught.value.close_code is None
    return caught.value


def text(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes})


def without(key: str) -> str:
    return json.dumps({name: value for name, value in GOOD.items() if name != key})


ROWS: dict[str, tuple[str | bytes, str]] = {
    "a binary frame": (b"{}", "binary_not_supported"),
    "an empty frame": ("", "invalid_json"),
    "a blank frame": (" \n\t", "invalid_json"),
    "half an object": ('{"type":', "invalid_json"),
    "two objects": ("{}{}", "invalid_json"),
    "a NaN": ('{"type": NaN}', "invalid_json"),
    "an Infinity": ('{"type": "ping", "payload": {"x": -Infinity}}', "invalid_json"),
    "nesting beyond reason": ("[" * 100_000, "invalid_json"),
    "closed nesting beyond reason": ('{"a":' * 50_000 + "1" + "}" * 50_000, "invalid_json"),
    "a number too long to be one": ('{"session_id": ' + "9" * 5000 + "}", "invalid_json"),
    "an array": ("[1, 2]", "not_an_object"),
    "a string": ('"ping"', "not_an_object"),
    "null": ("null", "not_an_object"),
    "a number": ("7", "not_an_object"),
    "no type": (without("type"), "missing_type"),
    "a null type": (text(type=None), "missing_type"),
    "a numeric type": (text(type=7), "missing_type"),
    "a blank type": (text(type="  "), "missing_type"),
    "no session id": (without("session_id"), "missing_session_id"),
    "a null session id": (text(session_id=None), "missing_session_id"),
    "an empty session id": (text(session_id=""), "missing_session_id"),
    "no request id": (without("request_id"), "missing_request_id"),
    "an empty request id": (text(request_id=""), "missing_request_id"),
    "a blank id": (text(request_id="   "), "invalid_id"),
    "a boolean id": (text(session_id=True), "invalid_id"),
    "a fractional id": (text(session_id=1.5), "invalid_id"),
    "an object as an id": (text(session_id={}), "invalid_id"),
    "an id too long": (text(request_id="x" * (MAX_ID_CHARS + 1)), "invalid_id"),
    "a number of too many digits": (text(request_id=10**MAX_ID_CHARS), "invalid_id"),
    "an id with a line feed": (text(request_id="a\nb"), "invalid_id"),
    "an id with a NUL": (text(request_id="a\0"), "invalid_id"),
    "an id with a right-to-left mark": (text(request_id="a\u200f"), "invalid_id"),
    "an id with half a surrogate pair": (text(request_id="a\ud800"), "invalid_id"),
    "no payload for a turn": (json.dumps({**GOOD, "type": "message", "payload": None}), "missing_payload"),
    "a list as payload": (text(payload=[]), "missing_payload"),
    "a string as payload of a ping": (text(payload="x"), "missing_payload"),
    "an unknown type without payload": (json.dumps({**GOOD, "type": "x", "payload": None}), "missing_payload"),
}


@pytest.mark.parametrize("name", list(ROWS))
def test_each_unusable_frame_is_refused_with_its_reason(name: str) -> None:
    frame, reason_code = ROWS[name]
    error = refusal(frame)
    assert error.reason_code == error.details["reason_code"] == reason_code
    assert error.message.endswith(".")


def test_the_first_failing_check_of_the_list_is_the_one_that_is_reported() -> None:
    assert refusal('{"payload": 1}').reason_code == "missing_type"
    assert refusal('{"type": "message", "payload": 1}').reason_code == "missing_session_id"
    assert refusal('{"type": "message", "session_id": "s", "payload": 1}').reason_code == "missing_request_id"
    assert refusal('{"type": "message", "session_id": "s", "request_id": "r"}').reason_code == "missing_payload"


def test_a_refusal_echoes_the_ids_that_could_be_parsed() -> None:
    error = refusal(json.dumps({"type": "message", "session_id": 7, "request_id": "r", "payload": []}))
    assert (error.session_id, error.request_id) == ("7", "r")
    error = refusal(text(session_id="x\n"))
    assert (error.session_id, error.request_id) == ("unknown", "r")
    error = refusal("{")
    assert (error.session_id, error.request_id) == ("unknown", "unknown")


def test_types_are_trimmed_and_in_any_case() -> None:
    assert decode(text(type="  PiNg ")).type == "ping"


def test_integer_ids_are_kept_as_their_decimal_text() -> None:
    envelope = decode(text(session_id=-3, request_id=10**40))
    assert (envelope.session_id, envelope.request_id) == ("-3", "1" + "0" * 40)


def test_ids_of_the_full_length_and_of_any_script_are_fine() -> None:
    name = "é😀字" + "x" * (MAX_ID_CHARS - 3)
    assert decode(text(request_id=name)).request_id == name


@pytest.mark.parametrize("kind", ["cancel", "end", "ping", "pong"])
def test_frames_that_say_nothing_need_no_payload(kind: str) -> None:
    assert decode(json.dumps({"type": kind, "session_id": "s", "request_id": "r"})) == Envelope(kind, "s", "r", {})
    assert decode(text(type=kind, payload=None)).payload == {}


def test_unknown_top_level_keys_are_ignored() -> None:
    assert decode(text(more=1)) == decode(text())


def test_lone_surrogates_become_the_replacement_character_and_pairs_a_character() -> None:
    frame = text(payload={"a": "x\ud83d", "b": ["\ude00"], "c\udc00": "\ud83d\ude00"})
    assert decode(frame).payload == {"a": "x�", "b": ["�"], "c�": "😀"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(categories=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["type", "session_id", "request_id", "payload", "other"])
ANYTHING = st.one_of(
    st.binary(max_size=40),
    st.text(st.characters(categories=None), max_size=60),
    JSON.map(json.dumps),
    st.dictionaries(KEYS, JSON, max_size=5).map(json.dumps),
    st.builds(
        lambda frame, at, junk: frame[: at % len(frame)] + junk + frame[at % len(frame) :],
        st.just(text(payload={"user_utterance": "é\\ud83d"})),
        st.integers(0, 200),
        st.text('"{}[],:\\u0 é\ud800', max_size=6),
    ),
)


def shortened(frame: str | bytes) -> Iterator[str | bytes]:
    """The frame, and some twenty beginnings of it: many inputs for the price of drawing one."""
    yield frame
    for end in range(0, len(frame), max(1, len(frame) // 20)):
        yield frame[:end]


@given(st.lists(ANYTHING, min_size=10, max_size=10))
@example(["\ud800" * 3, '"\\ud800"', "{" * 5000, "-", "1e400", '{"type": "\\u0000"}'])
def test_decoding_anything_gives_an_envelope_or_a_refusal_and_nothing_else(frames: list[str | bytes]) -> None:
    for frame in chain.from_iterable(map(shortened, frames)):
        try:
            envelope = decode(frame)
        except PeerProtocolError as error:
            json.dumps([error.session_id, error.request_id, error.reason_code], ensure_ascii=False).encode()
        else:
            assert envelope.type == envelope.type.strip().lower() != ""
            for name in (envelope.session_id, envelope.request_id):
                assert 0 < len(name) <= MAX_ID_CHARS
                assert name.isprintable()
            json.dumps(envelope.payload, ensure_ascii=False).encode()
