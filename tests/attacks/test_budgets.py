"""What one connection may send before it is closed: fragments, control frames, frames that no rate limit counts.

Protocol, section 1: so many fragments a message (1009; docs/decisions/0013 has the number), 10,000 control frames and
4 x WS_MAX_FRAME_BYTES of exempt frames per minute (1008).
"""

import pytest

from tests.attacks.raw import Raw, upgraded
from tests.attacks.scene import KEY, attacked, talkative
from tooling.benchmarks.bystander.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, message, start

FRAGMENTS = 65_537
CONTROL_FRAMES = 10_000
SMALL_FRAME = 4096
EXEMPT_BYTES = 4 * SMALL_FRAME
PING_FRAME = message("ping", "p-1", {})


def _fragments(count: int, opcode: int = TEXT) -> bytes:
    """A message in so many empty fragments, the last one final."""
    return frame(b"", opcode, fin=False) + frame(b"", CONTINUATION, fin=False) * (count - 2) + frame(b"", CONTINUATION)


async def _works(raw: Raw) -> None:
    await raw.send(message("ping", "still-there", {}))
    while (answer := await raw.answer())["request_id"] != "still-there":
        assert answer["type"] in ("pong", "error"), answer


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_a_message_may_have_65537_fragments(opcode: int) -> None:
    async with attacked() as scene, upgraded(scene.port, KEY) as raw:
        await raw.send(_fragments(FRAGMENTS, opcode))
        answer = await raw.answer()
        expected = "invalid_json" if opcode == TEXT else "binary_not_supported"
        assert answer["payload"]["details"]["reason_code"] == expected
        await _works(raw)


@pytest.mark.parametrize("fin", [True, False], ids=["the last is final", "it goes on"])
async def test_one_fragment_more_closes_with_1009(fin: bool) -> None:
    async with attacked() as scene, upgraded(scene.port, KEY) as raw:
        whole = _fragments(FRAGMENTS + 1)
        await raw.send(whole if fin else whole[:-6] + frame(b"", CONTINUATION, fin=False))
        end = await raw.ended(answers=True)
        assert (end.code, end.types) == (1009, [])


async def test_fragments_are_counted_by_the_message() -> None:
    async with attacked() as scene, upgraded(scene.port, KEY) as raw:
        await raw.send(_fragments(FRAGMENTS // 2) * 3)
        await _works(raw)


async def test_pings_between_fragments_are_answered_and_are_no_fragments() -> None:
    async with attacked() as scene, upgraded(scene.port, KEY) as raw:
        parts = [PING_FRAME_TEXT[at : at + 10] for at in range(0, len(PING_FRAME_TEXT), 10)]
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            await raw.send(frame(part, CONTINUATION if number else TEXT, fin=last) + frame(b"%d" % number, PING))
        pongs: list[bytes] = []
        while len(pongs) < len(parts):
            opcode, payload = await raw.frame()
            if opcode == PONG:
                pongs.append(payload)
            else:
                assert b'"pong"' in payload
        assert pongs[-1] == b"%d" % (len(parts) - 1)


PING_FRAME_TEXT = b'{"type":"ping","session_id":"s","request_id":"p-1","payload":{}}'


@pytest.mark.parametrize(
    "unit",
    [frame(b"", PONG), frame(b"", PING), frame(b"a" * 125, PONG), frame(b"a", PING) + frame(b"a", PONG)],
    ids=["pongs", "pings", "long pongs", "both"],
)
async def test_10000_control_frames_are_fine_and_one_more_closes_with_1008(unit: bytes) -> None:
    count = CONTROL_FRAMES // (2 if unit.count(b"a") == 2 else 1)
    async with attacked() as scene, upgraded(scene.port, KEY) as raw:
        await raw.send(unit * count)
        await _works(raw)
        await raw.send(frame(b"", PONG))
        assert (await raw.ended(answers=True)).code == 1008


@pytest.mark.parametrize(
    "unit",
    [PING_FRAME, frame(b"x" * 20), frame(b"x" * 20, BINARY), message("pong", "p-1", {}), frame(b"{" * 100)],
    ids=["JSON pings", "nonsense", "binary", "JSON pongs", "half JSON"],
)
async def test_exempt_frames_have_a_budget_of_bytes(unit: bytes) -> None:
    async with attacked(WS_MAX_FRAME_BYTES=str(SMALL_FRAME)) as scene, upgraded(scene.port, KEY) as raw:
        payload = len(unit) - 6
        await raw.send(unit * ((EXEMPT_BYTES - 200) // payload))
        await _works(raw)
        await raw.send(unit * (400 // payload + 1))
        assert (await raw.ended(answers=True)).code == 1008


async def test_turn_frames_are_not_charged_to_that_budget() -> None:
    async with attacked(WS_MAX_FRAME_BYTES=str(SMALL_FRAME)) as scene, upgraded(scene.port, KEY) as raw:
        await raw.send(message("start", "r-0", start()))
        for number in range(1, 30):
            await raw.send(message("message", f"r-{number}", {"user_utterance": "word " * 500}))
        ends = {}
        while "r-29" not in ends:
            answer = await raw.answer()
            if answer["type"] in ("done", "cancelled", "error"):
                ends[answer["request_id"]] = answer["type"]
        assert ends["r-29"] == "done"
        await _works(raw)


async def test_a_budget_that_is_used_up_ends_a_running_turn_too() -> None:
    async with attacked(talkative(), WS_MAX_FRAME_BYTES=str(SMALL_FRAME)) as scene, upgraded(scene.port, KEY) as raw:
        await raw.send(message("start", "r-0", start()))
        assert (await raw.answer())["type"] == "ack"
        await raw.send(PING_FRAME * (EXEMPT_BYTES // (len(PING_FRAME) - 6) + 2))
        end = await raw.ended(answers=True)
        assert end.code == 1008
        assert [kind for kind in end.types if kind in ("done", "cancelled")] == ["cancelled"]


async def test_a_message_too_large_closes_with_1009_however_it_comes() -> None:
    async with attacked(WS_MAX_FRAME_BYTES=str(SMALL_FRAME)) as scene:
        half = frame(b"a" * 2049, fin=False) + frame(b"a" * 2049, CONTINUATION)
        shapes = {
            "one frame": frame(b"a" * (SMALL_FRAME + 1)),
            "two fragments": half,
            "characters of three bytes": frame("€".encode() * (SMALL_FRAME // 3 + 1)),
            "binary": frame(b"\xff" * (SMALL_FRAME + 1), BINARY),
            "only announced": bytes((0x81, 0xFF)) + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0",
            "announced as a fragment": bytes((0x01, 0xFF)) + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0aaaa",
        }
        codes = {}
        for name, data in shapes.items():
            async with upgraded(scene.port, KEY) as raw:
                await raw.send(data)
                codes[name] = (await raw.ended(answers=True)).code
        assert {name: code for name, code in codes.items() if code != 1009} == {}


async def test_a_length_with_its_highest_bit_set_is_refused() -> None:
    async with attacked() as scene, upgraded(scene.port, KEY) as raw:
        await raw.send(bytes((0x81, 0xFF)) + b"\xff" * 8 + b"\0\0\0\0")
        assert (await raw.ended(answers=True)).code in (1002, 1009)


async def test_a_message_of_exactly_the_limit_is_read() -> None:
    async with attacked(WS_MAX_FRAME_BYTES=str(SMALL_FRAME)) as scene, upgraded(scene.port, KEY) as raw:
        await raw.send(frame(PING_FRAME_TEXT + b" " * (SMALL_FRAME - len(PING_FRAME_TEXT))))
        assert (await raw.answer())["type"] == "pong"


async def test_the_close_frame_reaches_a_client_that_goes_on_sending() -> None:
    """A TCP connection that is closed with bytes unread is reset, and what was sent last is lost with it."""
    async with attacked() as scene:
        for flood in (_fragments(FRAGMENTS + 1) * 2, frame(b"", PONG) * 60_000, frame(b"\xff") * 20_000):
            async with upgraded(scene.port, KEY) as raw:
                await raw.send(flood)
                seen = 0
                while seen not in (CLOSE, -1):
                    opcode, payload = await raw.frame()
                    seen = opcode if opcode else -1
                assert seen == CLOSE
                assert int.from_bytes(payload[:2], "big") in (1007, 1008, 1009)
