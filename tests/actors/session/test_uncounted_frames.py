"""Frames that no rate limit counts are counted in bytes; which frames are malformed; what a frame weighs."""

import json
from contextlib import suppress
from typing import Any

import pytest

from actors.lanes import INLINE_CHARS
from actors.session.gate import Gate
from protocol.errors import PeerProtocolError
from protocol.limits import ByteBudget, Window
from tests.harness import deployment
from tests.referee import Mode


def frame(kind: str, **payload: Any) -> str:
    return json.dumps({"type": kind, "session_id": "s", "request_id": "r", "payload": payload}, ensure_ascii=False)


def budgeted(limit: int, messages: int = 1) -> Gate:
    return Gate(deployment(Mode.CHAT), Window("message", messages, 60), Window("cancel", 1, 60), ByteBudget(limit))


UNCOUNTED: dict[str, str | bytes] = {
    "pings": frame("ping", x="é" * 100),
    "pongs": frame("pong", x="x" * 200),
    "no JSON": "{" * 300,
    "binary": b"x" * 300,
    "an envelope without an id": json.dumps({"type": "start", "payload": {"x": "😀" * 60}}, ensure_ascii=False),
}


@pytest.mark.parametrize("name", list(UNCOUNTED))
def test_frames_that_no_rate_limit_counts_are_counted_in_bytes(name: str) -> None:
    text = UNCOUNTED[name]
    size = len(text if isinstance(text, bytes) else text.encode())
    door = budgeted(3 * size)
    for _ in range(3):
        with suppress(PeerProtocolError):
            door.read(text, 0)
    with pytest.raises(PeerProtocolError) as caught:
        door.read(text, 0)
    assert (caught.value.code, caught.value.reason_code, caught.value.close_code) == (
        "rate_limited",
        "message_rate_limited",
        1008,
    )
    door = budgeted(3 * size)
    for second in range(0, 300, 20):
        with suppress(PeerProtocolError):
            door.read(text, second)


@pytest.mark.parametrize("kind", ["message", "cancel", "shout"])
def test_a_frame_that_the_rate_limit_refuses_is_counted_in_bytes_and_one_it_takes_is_not(kind: str) -> None:
    text = frame(kind, user_utterance="x" * 500)
    door = budgeted(len(text))
    codes = []
    for _ in range(3):
        try:
            door.read(text, 0)
        except PeerProtocolError as error:
            codes.append((error.reason_code, error.close_code))
    bucket = "cancel" if kind == "cancel" else "message"
    assert codes[-2:] == [(f"{bucket}_rate_limited", None), ("message_rate_limited", 1008)]


def test_only_a_frame_without_a_readable_envelope_is_malformed() -> None:
    door = budgeted(0, messages=0)
    for text in ("", "{", "[]", '{"type":"start"}', b"{}"):
        with pytest.raises(PeerProtocolError) as caught:
            door.read(text, 0)
        assert caught.value.malformed
    for text in (frame("message"), frame("start", user_utterance=3), frame("shout")):
        with pytest.raises(PeerProtocolError) as caught:
            door.read(text, 0)
        assert not caught.value.malformed


def test_what_may_be_a_first_start_is_never_light_and_nothing_else_waits_behind_one() -> None:
    door = budgeted(0)
    escaped = frame("start").replace('"start"', '"\\u0073tart"')
    assert min(door.weight(frame("start")), door.weight(escaped)) > INLINE_CHARS
    for light in (frame("ping"), frame("message"), frame("end"), "", b"start"):
        assert door.weight(light) == len(light)
    door.read(frame("start", user_utterance="hi", chat_prompt="be kind"), 0)
    assert door.weight(frame("ping")) < INLINE_CHARS < door.weight("x" * (INLINE_CHARS + 1))
