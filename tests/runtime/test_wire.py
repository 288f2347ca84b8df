"""The byte stream under a WebSocket: whole frames whatever happens, pongs that never stop the reader."""

import socket

import pytest
import trio
from trio.testing import memory_stream_pair

from actors.session.errors import ClientTooSlow
from runtime.websocket import text_frame
from runtime.wire import Wire

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


async def test_bytes_read_with_the_head_come_first() -> None:
    ours, theirs = memory_stream_pair()
    wire = Wire(ours, b"abcdef")
    await theirs.send_all(b"ghi")
    assert [await wire.receive_some(4), await wire.receive_some(4), await wire.receive_some(4)] == [
        b"abcd",
        b"ef",
        b"ghi",
    ]


async def test_the_end_of_the_stream_is_noticed() -> None:
    ours, theirs = memory_stream_pair()
    wire = Wire(ours, b"")
    await theirs.aclose()
    assert await wire.receive_some() == b""
    assert wire.closed.is_set()


async def test_what_a_given_up_write_left_goes_before_the_next_one() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        wire = Wire(ours, b"", send_timeout_s=30)
        big = b"x" * 200_000
        with trio.move_on_after(0.1) as scope:
            await wire.write(big)
        assert scope.cancelled_caught
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.send_all, b"\x88\x00")
            assert await _read(theirs, len(big) + 2) == big + b"\x88\x00"


async def test_a_peer_that_takes_nothing_is_too_slow() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        wire = Wire(ours, b"", send_timeout_s=0.1)
        began = trio.current_time()
        with trio.fail_after(5), pytest.raises(ClientTooSlow):
            await wire.write(b"x" * 200_000)
        assert trio.current_time() - began >= 0.1


async def test_a_peer_that_takes_a_little_now_and_then_is_not_too_slow() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        wire = Wire(ours, b"", send_timeout_s=0.4)
        big = b"x" * 60_000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.write, big)
            received = 0
            with trio.fail_after(20):
                while received < len(big):
                    await trio.sleep(0.1)
                    received += len(await theirs.receive_some(8192))


async def test_a_pong_never_waits_and_only_the_newest_is_kept() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        wire = Wire(ours, b"", send_timeout_s=30)
        big = b"x" * 200_000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.write, big)
            await trio.testing.wait_all_tasks_blocked()
            with trio.fail_after(0.5):
                await wire.send_all(PONG)
                await wire.send_all(NEWER_PONG)
            assert await _read(theirs, len(big)) == big
        await wire.write(b"next")
        assert await _read(theirs, len(NEWER_PONG) + 4) == NEWER_PONG + b"next"


async def test_a_pong_goes_out_at_once_where_there_is_room() -> None:
    ours, theirs = _pair()
    async with ours, theirs:
        await Wire(ours, b"").send_all(PONG)
        assert await _read(theirs, len(PONG)) == PONG


async def test_a_broken_connection_is_told_as_such() -> None:
    ours, theirs = _pair()
    async with ours:
        wire = Wire(ours, b"")
        await theirs.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await wire.write(b"x" * 10)
        assert wire.closed.is_set()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300_000])
def test_a_text_frame_states_its_length_as_rfc_6455_wants(size: int) -> None:
    frame = text_frame("x" * size)
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
