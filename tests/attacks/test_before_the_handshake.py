"""What comes before the 101, and what a stranger sends behind it: nothing of it is read, nothing of it is a crash."""

import pytest
import trio

from tests.attacks.raw import DEFLATE, Pairs, dialled, upgraded
from tests.attacks.scene import KEY, UTTERANCE, WRONG_KEY, attacked
from tests.e2e.plain import fetch
from tooling.benchmarks.bystander import payloads
from tooling.benchmarks.bystander.frames import PING, frame, message, start, upgrade

TLS_HELLO = bytes.fromhex("160301020001000" + "1fc0303") + bytes(range(200))
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
PING_FRAME = message("ping", "p-1", {})
EARLY = {
    "a ping of ours": PING_FRAME,
    "half a ping of ours": PING_FRAME[:20],
    "a start": message("start", "r-1", start(UTTERANCE)),
    "a protocol ping": frame(b"hello", PING),
    "64 kB of fragments": payloads.FIRST_FRAGMENT + payloads.EMPTY_FRAGMENTS,
    "64 kB of pongs": payloads.PONGS,
    "64 kB of pings": payloads.PINGS,
    "a bad frame": b"\xff\xff\xff\xff" * 4,
    "not masked": b"\x81\x05hello",
    "bad UTF-8": frame(b"\xff"),
    "words": b"and there was more to say\r\n\r\n",
    "another request": upgrade(KEY),
    "a TLS hello": TLS_HELLO,
    "zeros": bytes(65536),
}


@pytest.mark.parametrize("compression", ["0", "1"])
@pytest.mark.parametrize("key", [None, WRONG_KEY], ids=["no key", "a wrong key"])
async def test_a_stranger_s_early_bytes_are_not_looked_at(key: str | None, compression: str) -> None:
    reason = "missing_key" if key is None else "invalid_key"
    async with attacked(WS_COMPRESSION=compression, AUTH_MAX_FAILURES="0") as scene:
        for name, early in EARLY.items():
            extension: Pairs = DEFLATE if compression == "1" else ()
            async with upgraded(scene.port, key, extension, early=early) as raw:
                end = await raw.ended(answers=True)
            assert (end.types, end.reason_codes, end.code) == (["error"], [reason], 1008), name


async def test_a_stranger_s_late_bytes_are_not_looked_at_either() -> None:
    async with attacked(AUTH_MAX_FAILURES="0") as scene:
        for name, late in EARLY.items():
            async with upgraded(scene.port, None) as raw:
                await raw.send(late)
                end = await raw.ended(answers=True)
            assert (end.reason_codes, end.code) == (["missing_key"], 1008), name


async def test_early_frames_of_a_client_are_served_or_refused_but_never_a_crash() -> None:
    async with attacked() as scene:
        for name, early in EARLY.items():
            async with dialled(scene.port) as raw:
                await raw.send(upgrade(KEY) + early)
                head = await raw.through()
                assert head.split()[1] in (b"101", b"400"), name
                if head.split()[1] == b"400":
                    continue
                await raw.send(PING_FRAME)
                opcode, _ = await raw.frame()
                assert opcode, f"{name}: neither an answer nor a close frame"


async def test_an_early_ping_is_answered() -> None:
    async with attacked() as scene, upgraded(scene.port, KEY, early=PING_FRAME) as raw:
        assert (await raw.answer())["type"] == "pong"


@pytest.mark.parametrize(
    "data",
    [TLS_HELLO, HTTP2_PREFACE, bytes(4096), b"\x00\r\n\r\n", bytes(range(256)) * 16, b"hello\r\n\r\n", b"\x05\x01\x00"],
    ids=["TLS", "HTTP/2", "zeros", "a zero", "every byte", "words", "SOCKS"],
)
async def test_what_is_not_http_is_answered_or_dropped_and_forgotten(data: bytes) -> None:
    async with attacked() as scene, dialled(scene.port) as raw:
        await raw.send(data)
        await raw.stream.send_eof()
        answer = await raw.everything()
        assert not answer or 400 <= int(answer.split()[1]) < 600, answer[:100]
        assert (await fetch(scene.port, "/healthz")).status == 200


async def test_whoever_goes_in_the_middle_of_a_handshake_leaves_nothing() -> None:
    async with attacked() as scene:
        whole = upgrade(KEY) + PING_FRAME
        for size in (
            0,
            1,
            10,
            len(whole) - len(PING_FRAME) - 1,
            len(whole) - len(PING_FRAME),
            len(whole) - 5,
            len(whole),
        ):
            async with dialled(scene.port) as raw:
                await raw.send(whole[:size])
        async with dialled(scene.port) as raw:
            await raw.send(whole[:10])
            await raw.stream.send_eof()
            answer = await raw.everything()
            assert not answer or answer.startswith(b"HTTP/1.1 400 ")


async def test_a_stranger_whose_close_is_not_answered_is_gone_in_seconds() -> None:
    async with attacked() as scene, upgraded(scene.port, None) as raw:
        with trio.fail_after(5):
            end = await raw.ended(5)
        assert end.code == 1008


async def test_a_stranger_s_connection_takes_no_slot_and_starts_no_session() -> None:
    async with attacked(MAX_CONCURRENT_CONNECTIONS="1", AUTH_MAX_FAILURES="0") as scene:
        for _ in range(20):
            async with upgraded(scene.port, None, early=EARLY["a start"]) as raw:
                assert (await raw.ended(answers=True)).reason_codes == ["missing_key"]
        assert len(scene.place.server.connections) == 1
