"""The byte stream under a WebSocket: whole frames whatever happens, pongs that never stop the reader."""

import socket
import struct

import pytest
import trio

from actors.session.errors import ClientTooSlow
from runtime.websocket import Wire, text_frame

PONG = b"\x8a\x02hi"
NEWER_PONG = b"\x8a\x02ho"


def _pair(buffer_bytes: int = 4096) -> tuple[trio.SocketStream, trio.SocketStream]:
    """Two connected sockets with small buffers: our side, the peer's."""
    ours, theirs = trio.socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    return trio.SocketStream(ours), trio.SocketStream(theirs)


async def _read(stream: trio.SocketStream, size: int) -> bytes:
    data = b""
    with trio.fail_after(5):
        while len(data) < size:
            data += bytes(await stream.receive_some(65536))
    return data


async def _write(wire: Wire, data: bytes) -> None:
    wire.push(data)
    await wire.flush()


async def test_bytes_read_with_the_head_come_first() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        wire = Wire(ours, b"abcdef")
        await theirs.send_all(b"ghi")
        assert [await wire.receive(), await wire.receive()] == [b"abcdef", b"ghi"]


async def test_a_peer_that_takes_nothing_to_the_end_is_no_failure_however_short_the_patience() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        wire = Wire(ours, send_timeout_s=0.05)
        wire.push(b"x" * 1_000_000)
        with trio.fail_after(5):
            await wire.finish()


async def test_the_end_of_the_stream_is_noticed() -> None:
    ours, theirs = _pair()
    async with ours:
        wire = Wire(ours)
        await theirs.aclose()
        assert await wire.receive() == b""
        assert wire.closed.is_set()


async def test_a_peer_that_resets_the_connection_has_ended_it() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        theirs = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        async with await listener.accept() as ours:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await theirs.aclose()
            wire = Wire(ours)
            assert await wire.receive() == b""
            assert wire.closed.is_set()


async def test_a_peer_that_is_given_up_is_at_its_end_for_whoever_reads() -> None:
    ours, theirs = _pair()
    async with ours, theirs, trio.open_nursery() as nursery:
        wire = Wire(ours)
        nursery.start_soon(wire.drain, 1)
        await trio.testing.wait_all_tasks_blocked()
        wire.abandon()


async def test_what_a_given_up_write_left_goes_before_the_next_one() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        wire = Wire(ours, send_timeout_s=30)
        big = b"x" * 200_000
        with trio.move_on_after(0.1) as scope:
            await _write(wire, big)
        assert scope.cancelled_caught
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, wire, b"\x88\x00")
            assert await _read(theirs, len(big) + 2) == big + b"\x88\x00"


async def test_a_peer_that_takes_nothing_is_too_slow() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        wire = Wire(ours, send_timeout_s=0.1)
        began = trio.current_time()
        with trio.fail_after(5), pytest.raises(ClientTooSlow):
            await _write(wire, b"x" * 200_000)
        assert trio.current_time() - began >= 0.1


async def test_a_peer_that_takes_a_little_now_and_then_is_not_too_slow() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        wire = Wire(ours, send_timeout_s=0.4)
        big = b"x" * 60_000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, wire, big)
            received = 0
            with trio.fail_after(20):
                while received < len(big):
                    await trio.sleep(0.1)
                    received += len(await theirs.receive_some(8192))


async def test_a_pong_never_waits_and_only_the_newest_is_kept() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        wire = Wire(ours, send_timeout_s=30)
        big = b"x" * 200_000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, wire, big)
            await trio.testing.wait_all_tasks_blocked()
            wire.push_pong(PONG)
            wire.push_pong(NEWER_PONG)
            assert await _read(theirs, len(big) + len(NEWER_PONG)) == big + NEWER_PONG


async def test_a_pong_goes_out_at_once_where_there_is_room() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        Wire(ours).push_pong(PONG)
        assert await _read(theirs, len(PONG)) == PONG


async def test_a_broken_connection_is_told_as_such() -> None:
    ours, theirs = _pair()
    async with ours:
        wire = Wire(ours)
        await theirs.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await _write(wire, b"x" * 10)
        assert wire.closed.is_set()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300_000])
def test_a_text_frame_states_its_length_as_rfc_6455_wants(size: int) -> None:
    frame = text_frame(b"x" * size)
    assert frame[0] == 0x81
    match frame[1]:
        case 126:
            length, rest = int.from_bytes(frame[2:4], "big"), frame[4:]
            assert length >= 126
        case 127:
            length, rest = int.from_bytes(frame[2:10], "big"), frame[10:]
            assert length >= 65536
        case short:
            length, rest = short, frame[2:]
    assert length == len(rest) == size


async def test_flushing_nothing_still_gives_everybody_their_turn() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        with trio.testing.assert_checkpoints():
            await Wire(ours).flush()


async def test_no_pong_follows_a_close_frame() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        wire = Wire(ours)
        big = b"x" * 200_000
        wire.push(big)
        wire.push_pong(PONG)
        wire.push_last(b"\x88\x00")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.finish)
            assert await _read(theirs, len(big) + 2) == big + b"\x88\x00"
            await theirs.send_eof()
            assert await theirs.receive_some(10) == b""
