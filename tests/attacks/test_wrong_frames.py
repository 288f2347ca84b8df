"""Frames that RFC 6455 forbids: a close frame with the right code, and the end, whatever the peer does about it."""

from collections.abc import Mapping

import pytest
import trio

from tests.attacks.raw import DEFLATE, Pairs, closing, masked, upgraded
from tests.attacks.scene import KEY, UTTERANCE, attacked
from tooling.benchmarks.bystander.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, message, start

BOUNDED_S = 5.0
"""The close handshake is given 2 s; the rest is a busy machine's."""
MODES = ("plain", "deflate offered by nobody", "deflate agreed on")
PROTOCOL_ERRORS: dict[str, bytes] = {
    **{f"reserved opcode {opcode:#x}": masked(0x80 | opcode, b"a") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "not masked": b"\x81\x05hello",
    "a ping that is not masked": b"\x89\x00",
    "a ping of 126 bytes": masked(0x89, b"a" * 126),
    "a pong of 126 bytes": masked(0x8A, b"a" * 126),
    "a close of 126 bytes": masked(0x88, b"\x03\xe8" + b"a" * 124),
    "a ping in fragments": masked(0x09, b"a"),
    "a close in fragments": masked(0x08, b""),
    "RSV2": masked(0xA1, b"a"),
    "RSV3": masked(0x91, b"a"),
    "RSV1 on a ping": masked(0xC9, b"a"),
    "all reserved bits": masked(0xF1, b"a"),
    "a continuation of nothing": masked(0x80, b"a"),
    "an unfinished continuation of nothing": masked(0x00, b"a"),
    "a new message inside another": masked(0x01, b"a") + masked(0x81, b"b"),
    "a binary message inside another": masked(0x01, b"a") + masked(0x82, b"b"),
    "RSV1 on a continuation": masked(0x01, b"a") + masked(0xC0, b"b"),
    "a close of one byte": masked(0x88, b"a"),
    **{
        f"a close with code {code}": closing(code)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}
INVALID_TEXTS: dict[str, bytes] = {
    "a lone continuation byte": b"\x80",
    "a cut character": b"caf\xc3",
    "an overlong slash": b"\xc0\xaf",
    "a surrogate": b"\xed\xa0\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "Latin-1": '{"type":"café"}'.encode("latin-1"),
    "UTF-16": "hello".encode("utf-16"),
    "valid at first": b'{"type":"ping"' + b" " * 5000 + b"\xff",
}


def _cut(data: bytes) -> bytes:
    """A text message in fragments of one byte."""
    parts = [frame(data[at : at + 1], CONTINUATION if at else TEXT, fin=False) for at in range(len(data))]
    return b"".join(parts) + frame(b"", CONTINUATION)


async def _codes(port: int, wrong: Mapping[str, bytes], extension: Pairs = ()) -> dict[str, int | None]:
    """The close code that each of them gets, alone on its connection; None where the connection ends without one."""
    codes = {}
    for name, data in wrong.items():
        async with upgraded(port, KEY, extension) as raw:
            await raw.send(data)
            end = await raw.ended(BOUNDED_S, answers=True)
        assert not end.frames, name
        assert not end.after, name
        codes[name] = end.code
    return codes


@pytest.mark.parametrize(("compression", "extension"), [("0", ()), ("1", ()), ("1", DEFLATE)], ids=MODES)
async def test_a_protocol_error_closes_with_1002(compression: str, extension: Pairs) -> None:
    async with attacked(WS_COMPRESSION=compression) as scene:
        codes = await _codes(scene.port, PROTOCOL_ERRORS, extension)
    assert {name: code for name, code in codes.items() if code != 1002} == {}


async def test_compressed_frames_without_deflate_are_a_protocol_error() -> None:
    for compression in ("0", "1"):
        async with attacked(WS_COMPRESSION=compression) as scene, upgraded(scene.port, KEY) as raw:
            await raw.send(masked(0xC1, b"a"))
            assert (await raw.ended(BOUNDED_S, answers=True)).code == 1002


async def test_what_cannot_be_inflated_closes_readably() -> None:
    async with attacked(WS_COMPRESSION="1") as scene:
        for data in (b"\xff\xff\xff\xff", b"\x07", bytes(range(1, 120))):
            async with upgraded(scene.port, KEY, DEFLATE) as raw:
                await raw.send(masked(0xC1, data))
                assert (await raw.ended(BOUNDED_S, answers=True)).code in (1002, 1007), data


@pytest.mark.parametrize(("compression", "extension"), [("0", ()), ("1", ()), ("1", DEFLATE)], ids=MODES)
async def test_text_that_is_not_utf_8_closes_with_1007(compression: str, extension: Pairs) -> None:
    wrong = {name: frame(data) for name, data in INVALID_TEXTS.items()}
    cut = {f"{name}, in fragments": _cut(data[-20:]) for name, data in INVALID_TEXTS.items()}
    async with attacked(WS_COMPRESSION=compression) as scene:
        codes = await _codes(scene.port, wrong | cut, extension)
    assert {name: code for name, code in codes.items() if code != 1007} == {}


async def test_bytes_that_are_no_text_are_fine_in_a_binary_message_and_in_pings() -> None:
    async with attacked() as scene, upgraded(scene.port, KEY) as raw:
        for data in INVALID_TEXTS.values():
            await raw.send(frame(data, BINARY) + frame(data[:100], PING) + frame(data[:100], PONG))
            answers = [await raw.frame(), await raw.frame()]
            assert (PONG, data[:100]) in answers
            (error,) = [payload for opcode, payload in answers if opcode == TEXT]
            assert b"binary_not_supported" in error


async def test_a_close_reason_that_is_not_utf_8_is_a_fault_as_well() -> None:
    async with attacked() as scene, upgraded(scene.port, KEY) as raw:
        await raw.send(closing(1000, b"\xff"))
        assert (await raw.ended(BOUNDED_S)).code in (1002, 1007)


async def test_a_fault_in_the_middle_of_a_reply_ends_its_turn() -> None:
    async with attacked() as scene:
        place = scene.place
        for name, (data, code) in {
            "protocol": (masked(0x83, b""), 1002),
            "text": (frame(b"\xff"), 1007),
        }.items():
            async with upgraded(scene.port, KEY) as raw:
                await raw.send(message("start", "r-1", start(UTTERANCE)))
                assert (await raw.answer())["type"] == "ack"
                await raw.send(data)
                end = await raw.ended(BOUNDED_S, answers=True)
            assert end.code == code, name
            with trio.fail_after(BOUNDED_S):
                while place.server.slots.taken > 1:
                    await trio.sleep(0.01)


@pytest.mark.parametrize("data", [masked(0x83, b""), frame(b"\xff"), frame(b"a" * 2000)], ids=["1002", "1007", "1009"])
async def test_a_fault_whose_close_is_not_answered_gives_the_slot_back_in_seconds(data: bytes) -> None:
    async with attacked(WS_MAX_FRAME_BYTES="1024", MAX_CONCURRENT_CONNECTIONS="2") as scene:
        async with upgraded(scene.port, KEY) as raw:
            await raw.send(data)
            assert (await raw.frame())[0] == CLOSE
            with trio.fail_after(BOUNDED_S):
                while scene.place.server.slots.taken > 1:
                    await trio.sleep(0.01)
            async with upgraded(scene.port, KEY) as next_one:
                await next_one.send(message("ping", "p-1", {}))
                assert (await next_one.answer())["type"] == "pong"


async def test_good_closes_are_echoed() -> None:
    async with attacked() as scene:
        for code in (1000, 1001, 1003, 1007, 1009, 1011, 3000, 3999, 4000, 4999):
            async with upgraded(scene.port, KEY) as raw:
                await raw.send(closing(code, b"bye"))
                assert (await raw.ended(BOUNDED_S)).code == code
        async with upgraded(scene.port, KEY) as raw:
            await raw.send(frame(b"", CLOSE))
            assert (await raw.frame())[0] == CLOSE
            assert (await raw.ended(BOUNDED_S)).code is None
