"""Frames of a peer, right and wrong: messages, faults with their close codes, bounds. RFC 6455 and RFC 7692."""

import zlib

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import CloseReason, FrameDecoder, Opcode, RsvBits

from actors.connection import Disconnected
from runtime.websocket import WebSocket
from runtime.websocket.deflate import BoundedDeflate
from runtime.websocket.guard import CONTROL_WINDOW_S, MAX_CONTROL_FRAMES, MAX_FRAGMENTS, Guard
from tests.runtime.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    CloseConnection,
    Peer,
    Pong,
    TextMessage,
    frame,
    sockets,
)

PARSER = FrameDecoder(client=False)
NO_BITS = RsvBits(False, False, False)
FAULTS: dict[str, tuple[bytes, int]] = {
    "reserved data opcode": (frame(0x3, b"x"), 1002),
    "reserved control opcode": (frame(0xB), 1002),
    "unmasked": (frame(TEXT, b"x", masked=False), 1002),
    "reserved bit 1": (frame(TEXT, b"x", rsv=4), 1002),
    "reserved bit 2": (frame(TEXT, b"x", rsv=2), 1002),
    "reserved bit 3": (frame(PING, rsv=1), 1002),
    "long ping": (frame(PING, b"x" * 126), 1002),
    "ping in pieces": (frame(PING, fin=False), 1002),
    "nothing to continue": (frame(CONTINUATION, b"x"), 1002),
    "a message within a message": (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
    "length in more bytes than needed": (b"\x81\xfe\x00\x01" + b"\x00" * 5, 1002),
    "length with the highest bit": (b"\x81\xff" + b"\xff" * 8 + b"\x00" * 4, 1002),
    "bad UTF-8": (frame(TEXT, b"\xc3\x28"), 1007),
    "bad UTF-8 over fragments": (frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b"\x28"), 1007),
    "a surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "half a character": (frame(TEXT, b"\xe2\x82"), 1007),
    "a close of one byte": (frame(CLOSE, b"\x03"), 1002),
    "a close with a code of nobody's": (frame(CLOSE, b"\x03\xed"), 1002),
    "a close with a bad reason": (frame(CLOSE, b"\x03\xe8\xc3\x28"), 1007),
    "garbage": (b"GET / HTTP/1.1\r\n\r\n", 1002),
    "a frame over the limit, announced": (b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"\x00" * 4, 1009),
    "a binary frame over the limit": (frame(BINARY, b"x" * 2049), 1009),
    "fragments over the limit": (frame(TEXT, b"x" * 2000, fin=False) + frame(CONTINUATION, b"x" * 49), 1009),
}


@pytest.mark.parametrize(("sent", "code"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
async def test_a_fault_is_answered_with_its_close_code_after_what_came_before_it(
    sent: bytes, code: int, at_once: bool
) -> None:
    async with sockets(max_bytes=2048) as (socket, peer):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send, peer, frame(TEXT, b"before") + sent, at_once)
            with trio.fail_after(20):
                assert await socket.receive() == "before"
                await socket.send([b"echo"])
                with pytest.raises(Disconnected):
                    await socket.receive()
            nursery.cancel_scope.cancel()
        echo = await peer.event()
        assert isinstance(echo, TextMessage)
        assert await peer.close_code() == code
        await peer.sees_the_end_of(socket)


async def _send(peer: Peer, data: bytes, at_once: bool) -> None:
    for piece in [data] if at_once else [data[at : at + 1] for at in range(len(data))]:
        await peer.send(piece)


@given(st.lists(st.tuples(st.text(max_size=40), st.integers(1, 5)), min_size=1, max_size=5), st.integers(1, 64))
def test_messages_come_out_as_they_went_in_however_they_are_cut(messages: list[tuple[str, int]], step: int) -> None:
    async def talk() -> None:
        async with sockets() as (socket, peer), trio.open_nursery() as nursery:
            data = b"".join(_fragments(text.encode(), pieces) for text, pieces in messages)
            nursery.start_soon(peer.send, data[:step], data[step:])
            with trio.fail_after(5):
                assert [await socket.receive() for _ in messages] == [text for text, _ in messages]

    trio.run(talk)


def _fragments(data: bytes, pieces: int) -> bytes:
    cuts = [len(data) * at // pieces for at in range(pieces + 1)]
    parts = [data[cuts[at] : cuts[at + 1]] for at in range(pieces)]
    return b"".join(
        frame(CONTINUATION if at else TEXT, part, fin=at == pieces - 1) + frame(PONG) for at, part in enumerate(parts)
    )


async def test_pings_are_answered_until_we_close_and_not_after() -> None:
    async with sockets() as (socket, peer), trio.open_nursery() as nursery:
        await peer.send(frame(PING, b"a"), frame(TEXT, b"x"))
        assert await socket.receive() == "x"
        pong = await peer.event()
        assert isinstance(pong, Pong)
        nursery.start_soon(socket.close, 1000, "bye")
        assert await peer.close_code() == 1000
        await peer.send(frame(PING, b"crossing"), frame(TEXT, b"crossing"), frame(CLOSE, b"\x03\xe8"))
        with trio.fail_after(5):
            await socket.wire.closed.wait()
        await peer.sees_the_end_of(socket)


async def test_a_fault_that_crosses_our_close_is_the_end_and_nothing_else() -> None:
    async with sockets() as (socket, peer), trio.open_nursery() as nursery:
        nursery.start_soon(socket.close, 1000, "bye")
        assert await peer.close_code() == 1000
        await peer.send(frame(0x3))
        with trio.fail_after(5):
            await socket.wire.closed.wait()


async def test_a_goodbye_may_come_while_the_reader_is_busy_with_a_frame() -> None:
    async with sockets() as (socket, peer), trio.open_nursery() as nursery:
        await peer.send(frame(TEXT, b"x"))
        assert await socket.receive() == "x"
        nursery.start_soon(socket.wait_closed)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(_hears_nothing_more, socket)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(socket.close, 1008, "enough")
        assert await peer.close_code() == 1008
        await peer.send(frame(TEXT, b"unheard"), frame(CLOSE, b"\x03\xf0"))
        with trio.fail_after(5):
            await socket.wire.closed.wait()


async def _hears_nothing_more(socket: WebSocket) -> None:
    with pytest.raises(Disconnected):
        await socket.receive()


async def test_a_close_is_answered_with_its_own_code() -> None:
    async with sockets() as (socket, peer):
        await peer.send(frame(CLOSE, b"\x0f\xa1bye"))
        with pytest.raises(Disconnected):
            await socket.receive()
        event = await peer.event()
        assert isinstance(event, CloseConnection)
        assert int(event.code) == 4001


async def test_as_many_fragments_as_are_allowed_and_one_more() -> None:
    async with sockets() as (socket, peer), trio.open_nursery() as nursery:
        first, more, last = frame(TEXT, fin=False), frame(CONTINUATION, fin=False), frame(CONTINUATION, b"x")
        nursery.start_soon(peer.send, first + more * (MAX_FRAGMENTS - 2) + last, first + more * MAX_FRAGMENTS)
        with trio.fail_after(60):
            assert await socket.receive() == "x"
            with pytest.raises(Disconnected):
                await socket.receive()
        assert await peer.close_code() == 1009


async def test_as_many_control_frames_as_are_allowed_and_one_more() -> None:
    async with sockets() as (socket, peer), trio.open_nursery() as nursery:
        nursery.start_soon(peer.send, frame(PONG) * MAX_CONTROL_FRAMES + frame(TEXT, b"x"), frame(PONG))
        with trio.fail_after(60):
            assert await socket.receive() == "x"
            with pytest.raises(Disconnected):
                await socket.receive()
        assert await peer.close_code() == 1008


async def test_control_frames_of_another_minute_do_not_count() -> None:
    now = 0.0
    guard = Guard(100, lambda: now)
    for _ in range(3):
        for _ in range(MAX_CONTROL_FRAMES):
            assert guard.frame_inbound_header(PARSER, Opcode.PONG, NO_BITS, 0) == NO_BITS
            guard.frame_inbound_complete(PARSER, True)
        now += CONTROL_WINDOW_S
    now -= 1.0
    assert guard.frame_inbound_header(PARSER, Opcode.PONG, NO_BITS, 0) is CloseReason.POLICY_VIOLATION


async def test_the_loop_gets_its_turn_however_many_frames_come_at_once() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with sockets() as (socket, peer), trio.open_nursery() as nursery:
        await peer.send(frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 6400 + frame(CONTINUATION))
        nursery.start_soon(count)
        assert await socket.receive() == ""
        nursery.cancel_scope.cancel()
    assert turns >= 90


def _deflated(text: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _deflate(max_bytes: int) -> BoundedDeflate:
    deflate = BoundedDeflate(max_bytes)
    assert deflate.accept("permessage-deflate") is not None
    return deflate


async def test_a_control_frame_between_compressed_fragments_changes_nothing() -> None:
    async with sockets(deflate=_deflate(1 << 20)) as (socket, peer):
        data = _deflated(b"hello, hello, hello")
        await peer.send(frame(TEXT, data[:4], fin=False, rsv=4), frame(PING), frame(CONTINUATION, data[4:]))
        assert await socket.receive() == "hello, hello, hello"
        await peer.send(frame(TEXT, b"plain"))
        assert await socket.receive() == "plain"


async def test_a_message_that_inflates_beyond_the_limit_is_refused_before_it_has() -> None:
    async with sockets(max_bytes=100_000, deflate=_deflate(100_000)) as (socket, peer):
        await peer.send(frame(TEXT, _deflated(b"x" * 100_000), rsv=4), frame(TEXT, _deflated(b"y" * 9_000_000), rsv=4))
        assert await socket.receive() == "x" * 100_000
        with pytest.raises(Disconnected):
            await socket.receive()
        assert await peer.close_code() == 1009


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x06"], ids=["garbage", "a reserved block"])
async def test_what_does_not_inflate_is_refused(data: bytes) -> None:
    async with sockets(deflate=_deflate(1 << 20)) as (socket, peer):
        await peer.send(frame(TEXT, data, rsv=4), frame(TEXT, data, rsv=4))
        with pytest.raises(Disconnected):
            await _twice(socket)
        assert await peer.close_code() == 1007


async def _twice(socket: WebSocket) -> None:
    await socket.receive()
    await socket.receive()


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; client_max_window_bits=x",
        "permessage-deflate; server_max_window_bits=99",
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; foo=1",
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
    ],
)
def test_an_offer_that_cannot_be_met_is_declined(offer: str) -> None:
    assert BoundedDeflate(100).accept(offer) is None
