"""Server frames as bytes: key order, compact, not escaped, envelope keys nowhere but in the envelope."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import PeerProtocolError
from protocol.frames import Address, Frame, error, token_frame, token_head, toolcall, usage

ADDRESS = Address("s", "r")
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_a_frame_is_compact_and_in_the_envelopes_key_order() -> None:
    frame = Frame("pong", ADDRESS, {"b": 1, "a": [1, 2]})
    assert frame.encode() == b'{"type":"pong","session_id":"s","request_id":"r","payload":{"b":1,"a":[1,2]}}'


def test_text_is_not_ascii_escaped() -> None:
    assert "é😀".encode() in Frame("final", ADDRESS, {"normalized_text": "é😀"}).encode()


@pytest.mark.parametrize("key", ["type", "session_id", "request_id"])
def test_a_payload_with_an_envelope_key_is_a_bug_of_ours(key: str) -> None:
    with pytest.raises(AssertionError, match="reserved key"):
        Frame("ack", ADDRESS, {key: 1}).encode()


def test_a_number_that_json_does_not_know_leaves_as_null() -> None:
    for number in (math.nan, math.inf):
        assert json.loads(Frame("done", ADDRESS, {"score": number}).encode())["payload"] == {"score": None}


@given(TEXT, TEXT, TEXT)
def test_a_token_frame_from_its_head_is_the_frame_of_its_text(text: str, session: str, turn: str) -> None:
    address = Address(session, turn)
    assert token_frame(token_head(address), text) == Frame("token", address, {"text": text}).encode()


def test_usage_adds_up_and_says_null_for_what_the_engine_cannot_say() -> None:
    assert usage(5, 7, None) == {
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "total_tokens": 12,
        "cached_tokens": None,
    }


def test_a_toolcall_says_yes_or_no_in_words() -> None:
    frame = toolcall(ADDRESS, yes=True, raw=[{"name": "take_screenshot"}], score=0.9)
    assert frame.payload == {"status": "yes", "raw": [{"name": "take_screenshot"}], "score": 0.9}
    assert toolcall(ADDRESS, yes=False, raw=[], score=None).payload["status"] == "no"


def test_an_error_always_has_details_with_its_reason_and_usage_only_at_a_turns_end() -> None:
    problem = PeerProtocolError("server_busy", "engine_unavailable", "Wait.", details={"retry_in": 3})
    assert error(ADDRESS, problem).payload == {
        "code": "server_busy",
        "message": "Wait.",
        "details": {"reason_code": "engine_unavailable", "retry_in": 3},
    }
    assert "usage" in error(ADDRESS, problem, usage(1, 0, None)).payload


def test_frames_do_not_show_their_text_in_logs() -> None:
    assert "secret" not in repr(Frame("token", ADDRESS, {"text": "secret"}))
