"""Compressed messages: they inflate within the frame limit while they inflate, and not at all before a key was seen."""

import itertools
import zlib

import pytest
import trio

from tests.attacks.raw import DEFLATE, Pairs, Raw, dialled, upgraded
from tests.attacks.scene import KEY, attacked
from tests.attacks.victim import Victim, forget_peak, memory_bytes, peak_memory_bytes
from tooling.benchmarks.bystander import payloads
from tooling.benchmarks.bystander.frames import CONTINUATION, TEXT, frame, message, upgrade

MEBIBYTE = 1 << 20
BOMB_BYTES = 200 * MEBIBYTE
GROWTH_BYTES = 32 * MEBIBYTE
"""What the server may take at most: the frame limit is 2 MiB, and buffers grow by copying."""


def _deflated(data: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


PING_TEXT = message("ping", "p-1", {})[6:]
PING_FRAME = frame(_deflated(PING_TEXT), compressed=True)


@pytest.mark.parametrize("make", [payloads.bomb, payloads.bomb_of_fragments], ids=["one frame", "small fragments"])
async def test_a_bomb_is_closed_with_1009_and_takes_little_memory(program: Victim, make: object) -> None:
    assert callable(make)
    bomb = make(BOMB_BYTES)
    forget_peak(program)
    before = memory_bytes(program)
    for _ in range(2):
        async with upgraded(program.port, KEY, DEFLATE) as raw:
            await raw.send(bomb)
            assert (await raw.ended(20, answers=True)).code == 1009
    assert peak_memory_bytes(program) - before < GROWTH_BYTES


@pytest.mark.parametrize("when", ["with the head", "behind it"])
async def test_a_stranger_s_bomb_is_not_inflated(program: Victim, when: str) -> None:
    bomb = payloads.bomb(BOMB_BYTES)
    forget_peak(program)
    before = memory_bytes(program)
    early = bomb if when == "with the head" else b""
    async with upgraded(program.port, None, DEFLATE, early=early) as raw:
        if not early:
            await raw.send(bomb)
        end = await raw.ended(answers=True)
    assert (end.reason_codes, end.code) == (["missing_key"], 1008)
    assert peak_memory_bytes(program) - before < GROWTH_BYTES / 4


async def test_many_bombs_at_once_take_no_more_than_their_share(program: Victim) -> None:
    bomb = payloads.bomb(BOMB_BYTES // 4)
    forget_peak(program)
    before = memory_bytes(program)

    async def one() -> None:
        async with upgraded(program.port, KEY, DEFLATE) as raw:
            await raw.send(bomb)
            assert (await raw.ended(20, answers=True)).code == 1009

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(one)
    assert peak_memory_bytes(program) - before < 2 * GROWTH_BYTES


async def _ponged(raw: Raw) -> bool:
    return bool((await raw.answer())["type"] == "pong")


async def test_compressed_messages_are_read_however_they_are_cut() -> None:
    data = _deflated(PING_TEXT)
    middle = len(data) // 2
    shapes = {
        "whole": PING_FRAME,
        "in two": frame(data[:middle], TEXT, fin=False, compressed=True) + frame(data[middle:], CONTINUATION),
        "with empty ends": frame(b"", TEXT, fin=False, compressed=True)
        + frame(data, CONTINUATION, fin=False)
        + frame(b"", CONTINUATION),
        "not compressed": frame(PING_TEXT),
        "stored": frame(_stored(PING_TEXT), compressed=True),
    }
    async with attacked(WS_COMPRESSION="1") as scene:
        for name, shape in shapes.items():
            async with upgraded(scene.port, KEY, DEFLATE) as raw:
                await raw.send(shape)
                assert await _ponged(raw), name


def _stored(data: bytes) -> bytes:
    """The same without compressing (RFC 7692, section 7.2.3.3)."""
    return b"\x00" + len(data).to_bytes(2, "little") + (0xFFFF - len(data)).to_bytes(2, "little") + data + b"\x00"


async def test_every_offer_of_deflate_is_agreed_on_or_declined_and_then_kept() -> None:
    parameters = ["", "client_no_context_takeover", "server_no_context_takeover", "client_max_window_bits"]
    parameters += [f"server_max_window_bits={bits}" for bits in (8, 9, 12, 15)]
    parameters += [f"client_max_window_bits={bits}" for bits in (9, 15)]
    offers = ["; ".join(["permessage-deflate", *filter(None, pair)]) for pair in itertools.combinations(parameters, 2)]
    offers += ["permessage-deflate; rubbish", "x-webkit-deflate-frame, permessage-deflate", "permessage-bzip2", ";", ""]
    offers += ["permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=16"]
    async with attacked(WS_COMPRESSION="1") as scene:
        for offer in offers:
            await _talks_over(scene.port, [("Sec-WebSocket-Extensions", offer)])


async def _talks_over(port: int, offer: Pairs) -> None:
    async with dialled(port) as raw:
        await raw.send(upgrade(KEY, offer))
        head = await raw.through()
        if head.startswith(b"HTTP/1.1 400 "):
            return
        assert head.startswith(b"HTTP/1.1 101 "), offer
        agreed = b"permessage-deflate" in head
        raw.inflater = zlib.decompressobj(-15) if agreed else None
        await raw.send(PING_FRAME if agreed and b"client_max_window_bits=9" not in head else frame(PING_TEXT))
        assert await _ponged(raw), offer


async def test_what_was_not_offered_is_not_agreed_on() -> None:
    async with attacked(WS_COMPRESSION="1") as scene, dialled(scene.port) as raw:
        await raw.send(upgrade(KEY))
        assert b"extensions" not in (await raw.through()).lower()
