"""Sampling: what counts as a number, bounds, precedence, merging."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import PeerProtocolError
from protocol.sampling import DEFAULT_BOUNDS, Bound, merge, parse_overrides

BY_KEY = {bound.key: bound for bound in DEFAULT_BOUNDS}


def parse(payload: dict[str, Any]) -> Any:
    return parse_overrides(payload, DEFAULT_BOUNDS)


def refusal(payload: dict[str, Any]) -> PeerProtocolError:
    with pytest.raises(PeerProtocolError) as caught:
        parse(payload)
    assert caught.value.code == "invalid_payload"
    return caught.value


@pytest.mark.parametrize("bound", DEFAULT_BOUNDS, ids=lambda bound: bound.key)
def test_both_ends_of_a_range_are_in_it_and_what_is_beyond_is_not_clamped(bound: Bound) -> None:
    assert parse({"sampling": {bound.key: bound.low}}) == {bound.key: bound.low}
    assert parse({"sampling": {bound.key: bound.high}}) == {bound.key: bound.high}
    for beyond in (bound.low - 1, bound.high + 1):
        error = refusal({"sampling": {bound.key: beyond}})
        assert error.reason_code == f"{bound.key}_out_of_range"
        assert error.message == f"{bound.key} must be between {bound.low} and {bound.high}"


def test_a_range_message_reads_as_the_protocol_says() -> None:
    assert refusal({"sampling": {"temperature": 9}}).message == "temperature must be between 0.0 and 1.2"


@pytest.mark.parametrize("value", [0.5, "0.5", " 0.5 ", "5e-1"])
def test_floats_take_numbers_and_numeric_strings(value: object) -> None:
    assert parse({"sampling": {"temperature": value}}) == {"temperature": 0.5}


@pytest.mark.parametrize("value", [12, 12.0, "12", " 12 "])
def test_ints_take_integers_integral_floats_and_integer_strings(value: object) -> None:
    parsed = parse({"sampling": {"top_k": value}})["top_k"]
    assert parsed == 12
    assert isinstance(parsed, int)


BAD_FLOATS = [True, False, "", " ", "x", "0,5", "1_0", "nan", "inf", math.inf, -math.inf, math.nan, [], {}, 10**400]
BAD_INTS = [True, "", "1.5", 1.5, "12.0", "1_2", "x", math.inf, math.nan, [], {}, "9" * 5000]


@pytest.mark.parametrize("value", BAD_FLOATS, ids=lambda value: repr(value)[:20])
def test_what_is_no_float_is_invalid(value: object) -> None:
    assert refusal({"sampling": {"top_p": value}}).reason_code == "invalid_top_p"


@pytest.mark.parametrize("value", BAD_INTS, ids=lambda value: repr(value)[:20])
def test_what_is_no_integer_is_invalid(value: object) -> None:
    assert refusal({"sampling": {"top_k": value}}).reason_code == "invalid_top_k"


@pytest.mark.parametrize("value", [1, 0, "true", "", [], {}])
def test_sanitize_output_is_a_json_boolean_and_nothing_else(value: object) -> None:
    assert refusal({"sampling": {"sanitize_output": value}}).reason_code == "invalid_sanitize_output"


@pytest.mark.parametrize("value", [[], "hot", 1, True, 0, "", False])
@pytest.mark.parametrize("key", ["sampling", "sampling_params"])
def test_a_sampling_that_is_no_object_is_refused(key: str, value: object) -> None:
    assert refusal({key: value}).reason_code == "invalid_sampling_payload"


def test_a_null_inside_sampling_removes_and_a_null_at_payload_level_is_absence() -> None:
    assert parse({"sampling": {"top_k": None}, "top_p": None}) == {"top_k": None}
    assert parse({"sampling": {"sanitize_output": None}}) == {"sanitize_output": None}
    assert parse({"sampling": None, "sampling_params": None, "sanitize_output": None}) == {}


def test_the_alias_and_the_payload_level_work_and_the_object_wins() -> None:
    assert parse({"sampling_params": {"top_k": 5}}) == {"top_k": 5}
    assert parse({"top_k": 5, "sanitize_output": False}) == {"top_k": 5, "sanitize_output": False}
    assert parse({"top_k": 5, "sampling": {"top_k": 6}}) == {"top_k": 6}
    assert parse({"top_k": 5, "sampling": {"top_k": None}}) == {"top_k": None}
    assert parse({"sampling": {"sanitize_output": True}, "sanitize_output": "junk"}) == {"sanitize_output": True}


def test_unknown_keys_are_ignored() -> None:
    assert parse({"sampling": {"max_tokens": 9, "seed": "x"}}) == {}


def test_one_bad_key_refuses_them_all() -> None:
    assert refusal({"sampling": {"temperature": 0.5, "top_k": 999}}).reason_code == "top_k_out_of_range"


VALUES = st.none() | st.integers(0, 60)
FRAMES = st.lists(st.dictionaries(st.sampled_from(["top_k", "temperature", "min_p"]), VALUES))


@given(FRAMES)
def test_a_session_has_for_each_key_the_last_value_said_and_not_taken_back(
    frames: list[dict[str, Any]],
) -> None:
    session: dict[str, Any] = {}
    for frame in frames:
        session = merge(session, frame)
    last = {key: value for frame in frames for key, value in frame.items()}
    assert session == {key: value for key, value in last.items() if value is not None}


@given(st.sampled_from(list(BY_KEY)), st.one_of(st.floats(), st.integers(), st.text(max_size=6), st.booleans()))
def test_whatever_is_accepted_is_within_bounds(key: str, value: object) -> None:
    try:
        parsed = parse({"sampling": {key: value}})[key]
    except PeerProtocolError as error:
        assert error.reason_code in (f"invalid_{key}", f"{key}_out_of_range")  # noqa: PT017
    else:
        assert BY_KEY[key].low <= parsed <= BY_KEY[key].high
        assert isinstance(parsed, int if BY_KEY[key].kind == "int" else float)
