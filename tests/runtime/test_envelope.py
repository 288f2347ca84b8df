"""Frames that are no messages: protocol, section 2. Every check, in the order in which the checks are made."""

import json
from contextlib import suppress
from typing import Any

import pytest
from trio_websocket import ConnectionClosed

from tests.e2e.client import Client
from tests.runtime.serving import serving, talks


def frame(**changes: object) -> str:
    """A ping with changes; a change to `...` leaves the key out."""
    whole = {"type": "ping", "session_id": "s-1", "request_id": "r-9", "payload": {}, **changes}
    return json.dumps({key: value for key, value in whole.items() if value is not ...})


DEEP = "[" * 100_000
REFUSED: dict[str, tuple[str | bytes, str, str, str]] = {
    "binary": (b'{"type":"ping"}', "binary_not_supported", "unknown", "unknown"),
    "empty binary": (b"", "binary_not_supported", "unknown", "unknown"),
    "empty": ("", "invalid_json", "unknown", "unknown"),
    "blank": (" \t\n", "invalid_json", "unknown", "unknown"),
    "words": ("hello", "invalid_json", "unknown", "unknown"),
    "half an object": ('{"type":"ping"', "invalid_json", "unknown", "unknown"),
    "two objects": ("{}{}", "invalid_json", "unknown", "unknown"),
    "trailing comma": ('{"type":"ping",}', "invalid_json", "unknown", "unknown"),
    "NaN": ('{"type":"ping","x":NaN}', "invalid_json", "unknown", "unknown"),
    "Infinity": ('{"type":"ping","x":Infinity}', "invalid_json", "unknown", "unknown"),
    "-Infinity": ('{"type":"ping","x":-Infinity}', "invalid_json", "unknown", "unknown"),
    "deep arrays": (DEEP, "invalid_json", "unknown", "unknown"),
    "deep objects": ('{"a":' * 20_000 + "1" + "}" * 20_000, "invalid_json", "unknown", "unknown"),
    "an integer of 5000 digits": ('{"type":"ping","x":' + "9" * 5000 + "}", "invalid_json", "unknown", "unknown"),
    "two byte order marks": ("\ufeff\ufeff" + frame(), "invalid_json", "unknown", "unknown"),
    "65 levels": (frame(payload={"a": json.loads("[" * 63 + "]" * 63)}), "invalid_json", "unknown", "unknown"),
    "20001 values": (frame(payload={"a": [1] * 19_996}), "invalid_json", "unknown", "unknown"),
    "a raw control character": ('{"type":"pi\x00ng"}', "invalid_json", "unknown", "unknown"),
    "an array": ("[]", "not_an_object", "unknown", "unknown"),
    "an array of a frame": (f"[{frame()}]", "not_an_object", "unknown", "unknown"),
    "a string": ('"ping"', "not_an_object", "unknown", "unknown"),
    "a number": ("1", "not_an_object", "unknown", "unknown"),
    "null": ("null", "not_an_object", "unknown", "unknown"),
    "no type": (frame(type=...), "missing_type", "s-1", "r-9"),
    "type null": (frame(type=None), "missing_type", "s-1", "r-9"),
    "type blank": (frame(type="  "), "missing_type", "s-1", "r-9"),
    "type a number": (frame(type=7), "missing_type", "s-1", "r-9"),
    "type a list": (frame(type=["ping"]), "missing_type", "s-1", "r-9"),
    "type before ids": (frame(type=..., session_id=..., request_id=...), "missing_type", "unknown", "unknown"),
    "no session_id": (frame(session_id=...), "missing_session_id", "unknown", "r-9"),
    "session_id null": (frame(session_id=None), "missing_session_id", "unknown", "r-9"),
    "session_id empty": (frame(session_id=""), "missing_session_id", "unknown", "r-9"),
    "session_id before request_id": (frame(session_id=..., request_id=...), "missing_session_id", "unknown", "unknown"),
    "no request_id": (frame(request_id=...), "missing_request_id", "s-1", "unknown"),
    "request_id null": (frame(request_id=None), "missing_request_id", "s-1", "unknown"),
    "request_id empty": (frame(request_id=""), "missing_request_id", "s-1", "unknown"),
    "request_id blank": (frame(request_id="  "), "invalid_id", "s-1", "unknown"),
    "request_id a flag": (frame(request_id=True), "invalid_id", "s-1", "unknown"),
    "request_id a fraction": (frame(request_id=1.5), "invalid_id", "s-1", "unknown"),
    "request_id an object": (frame(request_id={}), "invalid_id", "s-1", "unknown"),
    "request_id too long": (frame(request_id="x" * 129), "invalid_id", "s-1", "unknown"),
    "request_id of 129 digits": (frame(request_id=10**128), "invalid_id", "s-1", "unknown"),
    "request_id with a NUL": (frame(request_id="r\x00"), "invalid_id", "s-1", "unknown"),
    "request_id with a newline": (frame(request_id="r\n1"), "invalid_id", "s-1", "unknown"),
    "request_id with a lone surrogate": (frame(request_id="r\ud800"), "invalid_id", "s-1", "unknown"),
    "request_id with a bidi mark": (frame(request_id="r\u202e"), "invalid_id", "s-1", "unknown"),
    "session_id too long": (frame(session_id="x" * 129), "invalid_id", "unknown", "r-9"),
    "start without payload": (frame(type="start", payload=...), "missing_payload", "s-1", "r-9"),
    "message with payload null": (frame(type="message", payload=None), "missing_payload", "s-1", "r-9"),
    "payload a list": (frame(payload=[]), "missing_payload", "s-1", "r-9"),
    "payload a string": (frame(payload="{}"), "missing_payload", "s-1", "r-9"),
    "payload a number": (frame(payload=0), "missing_payload", "s-1", "r-9"),
    "payload false": (frame(payload=False), "missing_payload", "s-1", "r-9"),
}
ACCEPTED: dict[str, tuple[str, str]] = {
    "plain": (frame(), "r-9"),
    "a byte order mark": ("\ufeff" + frame(), "r-9"),
    "64 levels": (frame(payload={"a": json.loads("[" * 62 + "]" * 62)}), "r-9"),
    "20000 values": (frame(payload={"a": [1] * 19_994}), "r-9"),
    "type in capitals": (frame(type=" PING "), "r-9"),
    "an integer": (frame(request_id=12), "12"),
    "zero": (frame(request_id=0), "0"),
    "a negative integer": (frame(request_id=-7), "-7"),
    "128 digits": (frame(request_id=10**127), str(10**127)),
    "128 characters": (frame(request_id="é" * 128), "é" * 128),
    "emoji": (frame(request_id="r🙂"), "r🙂"),
    "quotes": (frame(request_id='r"\\'), 'r"\\'),
    "payload absent": (frame(payload=...), "r-9"),
    "payload null": (frame(payload=None), "r-9"),
    "unknown keys": (frame(version=3, extra={"a": [None]}), "r-9"),
    "keys twice": ('{"request_id":"old",' + frame()[1:], "r-9"),
    "space around": (f"\n {frame()} \n", "r-9"),
    "reserved keys in the payload": (frame(payload={"type": "x", "session_id": 1, "request_id": None}), "r-9"),
}


async def _is_refused(client: Client, name: str) -> None:
    message, reason, session, request = REFUSED[name]
    await client.raw(message)
    code, reason_code, error = await client.refusal()
    assert (code, reason_code) == ("invalid_message", reason), name
    assert (error["session_id"], error["request_id"]) == (session, request), name


async def test_every_malformed_frame_has_its_name_and_leaves_the_connection_usable() -> None:
    async with serving() as place, place.connected() as client:
        for name in REFUSED:
            await _is_refused(client, name)
            await client.answers_pings()


async def test_a_malformed_frame_does_not_touch_the_running_turn() -> None:
    async with serving(talks(100, step_s=0.03)) as place, place.connected() as client:
        await client.start()
        await client.until("token")
        for name in REFUSED:
            await client.raw(REFUSED[name][0])
        frames = await client.until("done")
        errors = [frame["payload"]["details"]["reason_code"] for frame in frames if frame["type"] == "error"]
        assert errors == [reason for _, reason, _, _ in REFUSED.values()]
        assert frames[-1]["payload"]["usage"]["completion_tokens"] == 100
        assert place.engine.aborted == []


async def test_malformed_frames_count_against_no_rate_limit() -> None:
    async with serving(WS_MAX_MESSAGES_PER_WINDOW="1", WS_MAX_CANCELS_PER_WINDOW="1") as place:
        async with place.connected() as client:
            for _ in range(3):
                await _is_refused(client, "start without payload")
            await client.start()
            await client.until("done")


@pytest.mark.parametrize("name", ACCEPTED)
async def test_a_sound_frame_is_answered_with_the_ids_it_brought(name: str) -> None:
    message, request_id = ACCEPTED[name]
    async with serving() as place, place.connected() as client:
        await client.raw(message)
        pong = await client.expect("pong", request_id)
        assert pong["session_id"] == "s-1"
        assert pong["payload"] == {}


async def test_the_server_says_nothing_before_the_client_does() -> None:
    async with serving() as place, place.connected() as client:
        await client.quiet(0.3)


async def test_a_pong_needs_no_answer() -> None:
    async with serving() as place, place.connected() as client:
        await client.say("pong", "r-1")
        await client.answers_pings()


async def test_an_unknown_type_is_named_as_such() -> None:
    async with serving() as place, place.connected() as client:
        await client.say("shout", "r-1")
        code, reason, error = await client.refusal()
        assert (code, reason, error["request_id"]) == ("invalid_message", "unknown_message_type", "r-1")
        await client.answers_pings()


@pytest.mark.parametrize(
    ("size", "unit"),
    [(2097153, "x"), (2_400_000, "x"), (700_000, "語"), (525_000, "🙂")],
    ids=["one over", "2.4 MB", "3", "4"],
)
async def test_a_frame_over_the_limit_closes_with_1009(size: int, unit: str) -> None:
    async with serving() as place:
        async with place.connected() as client:
            await client.start()
            await client.rest()
            with suppress(ConnectionClosed):  # it may be closed before it has sent everything
                await client.raw(unit * size)
            assert (await client.closed())[0] == 1009
        await place.until_idle()
        async with place.connected() as client:
            await client.answers_pings()


async def test_a_frame_of_exactly_the_limit_is_read() -> None:
    async with serving() as place, place.connected() as client:
        base = frame(payload={"x": ""})
        await client.raw(frame(payload={"x": "y" * (2097152 - len(base))}))
        await client.expect("pong", "r-9")


async def test_the_limit_of_a_frame_is_a_setting() -> None:
    async with serving(WS_MAX_FRAME_BYTES="1024") as place, place.connected() as client:
        await client.answers_pings()
        await client.raw("x" * 1025)
        assert (await client.closed())[0] == 1009


async def test_a_message_in_many_fragments_is_one_message() -> None:
    async with serving() as place, place.connected() as client:
        whole = frame(request_id="in-pieces").encode()
        mask = bytes(4)

        def fragment(data: bytes, opcode: int, last: bool) -> bytes:
            return bytes((opcode | (0x80 if last else 0), 0x80 | len(data))) + mask + data

        pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
        stream: Any = client.socket._stream
        for number, piece in enumerate(pieces):
            await stream.send_all(fragment(piece, 0 if number else 1, number == len(pieces) - 1))
        await client.expect("pong", "in-pieces")
