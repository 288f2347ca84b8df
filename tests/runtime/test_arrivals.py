"""Connections before they have a slot: who makes room for whom, and an accept that fails. Protocol, section 1."""

import errno
import os

import pytest
import structlog
import trio
from attrs import define
from structlog.testing import capture_logs

from runtime.arrivals import Arrivals, accept_forever
from runtime.telemetry import catalogue as of
from tests.accounts import Accountant
from tests.e2e.plain import UPGRADE, fetch
from tests.runtime.serving import serving


async def _wait(arrivals: Arrivals, gone: list[int], number: int, complete: bool) -> None:
    with arrivals.arrival() as arrival:
        arrival.reads_head = not complete
        await trio.sleep(3600)
    gone.append(number)


async def test_the_longest_incomplete_head_makes_room_first() -> None:
    arrivals, gone = Arrivals(3), list[int]()
    async with trio.open_nursery() as nursery:
        for number, complete in enumerate([True, False, False]):
            nursery.start_soon(_wait, arrivals, gone, number, complete)
            await trio.testing.wait_all_tasks_blocked()
        for expected in ([1], [1, 2], [1, 2, 0]):
            nursery.start_soon(_wait, arrivals, gone, 9, True)
            await trio.testing.wait_all_tasks_blocked()
            assert (gone, arrivals.waiting) == (expected, 3)
        nursery.cancel_scope.cancel()
    assert arrivals.waiting == 0


async def test_who_has_a_slot_makes_room_for_nobody() -> None:
    arrivals = Arrivals(1)
    with arrivals.arrival() as first:
        arrivals.settled(first)
        with arrivals.arrival():
            await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
    assert not first.scope.cancelled_caught


async def test_stalled_heads_never_keep_a_health_probe_or_a_client_out() -> None:
    async with serving(WS_MAX_PENDING="4") as place:
        streams = [await trio.open_tcp_stream("127.0.0.1", place.port) for _ in range(20)]
        for stream in streams:
            await stream.send_all(b"GET /ws HTTP/1.1\r\n")
        assert (await fetch(place.port, "/readyz")).status == 200
        async with place.connected() as client:
            await client.answers_pings()
        assert place.server.arrivals.waiting <= 4
        for stream in streams[:15]:
            with trio.fail_after(5):
                assert await _ended(stream)
        for stream in streams:
            await stream.aclose()


async def _ended(stream: trio.SocketStream) -> bool:
    try:
        while await stream.receive_some(1000):
            continue
    except trio.BrokenResourceError:
        return True
    return True


async def test_whoever_makes_room_is_told_to_come_again_and_may_send_its_head_meanwhile() -> None:
    accountant = Accountant()
    async with serving(WS_MAX_PENDING="4") as place:
        place.server.observer = accountant
        streams = [await trio.open_tcp_stream("127.0.0.1", place.port) for _ in range(12)]
        await trio.sleep(0.05)
        answers = [await _answered(stream) for stream in streams]
        assert [answer.split(b" ")[1] for answer in answers] == [b"503"] * 8 + [b"200"] * 4
        assert b"\r\nRetry-After: 1\r\n" in answers[0]
        assert accountant.recorder.books.snapshot()[of.CONNECTIONS_REJECTED] == {("crowded",): 8}


async def _answered(stream: trio.SocketStream) -> bytes:
    """What comes of a request that is sent now."""
    async with stream:
        with trio.fail_after(5):
            await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            return b"".join([chunk async for chunk in stream])


async def test_a_client_that_waits_for_a_slot_and_makes_room_is_told_that_there_is_none() -> None:
    async with serving(
        WS_MAX_PENDING="2", MAX_CONCURRENT_CONNECTIONS="1", WS_HANDSHAKE_ACQUIRE_TIMEOUT_S="30"
    ) as place:
        async with place.connected() as client:
            await client.answers_pings()
            async with place.connected() as waits, trio.open_nursery() as nursery:
                for _ in range(2):
                    nursery.start_soon(_stays, place.port)
                code, reason, _ = await waits.refusal()
                assert (code, reason) == ("server_at_capacity", "no_slot")
                nursery.cancel_scope.cancel()
            await client.answers_pings()


async def _stays(port: int) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all("".join(f"{name}: {value}\r\n" for name, value in UPGRADE).join(LINES).encode())
        await trio.sleep(3600)


async def test_no_more_are_told_at_once_than_may_wait() -> None:
    arrivals, hurried = Arrivals(2), list[int]()

    async def leave(number: int) -> None:
        with arrivals.leaving():
            await trio.sleep(3600)
        hurried.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(leave, number)
            await trio.testing.wait_all_tasks_blocked()
        assert hurried == [0, 1]
        arrivals.free_one()
        await trio.testing.wait_all_tasks_blocked()
        assert hurried == [0, 1, 2]
        nursery.cancel_scope.cancel()


async def test_without_a_descriptor_the_longest_goes_without_a_word() -> None:
    arrivals = Arrivals(2)
    with arrivals.arrival() as first:
        arrivals.free_one()
        await trio.lowlevel.checkpoint()
    assert first.scope.cancelled_caught
    assert not first.is_asked


LINES = ("GET /ws?api_key=k-1 HTTP/1.1\r\nHost: a\r\n", "\r\n")


@define
class OutOfDescriptors(trio.abc.Listener[trio.SocketStream]):
    """A listener on a machine whose descriptors are used up for a while."""

    listener: trio.SocketListener
    failures: int = 5

    async def accept(self) -> trio.SocketStream:
        if self.failures:
            self.failures -= 1
            await trio.lowlevel.checkpoint()
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return await self.listener.accept()

    async def aclose(self) -> None:
        await self.listener.aclose()


async def test_an_accept_without_descriptors_is_tried_again_with_one_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runtime.arrivals.log", structlog.get_logger())
    (plain,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    listener, rooms, served = OutOfDescriptors(plain), list[int](), trio.Event()

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            served.set()

    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(accept_forever, listener, nursery, serve, lambda: rooms.append(1))
            async with await trio.open_tcp_stream("127.0.0.1", plain.socket.getsockname()[1]):
                with trio.fail_after(5):
                    await served.wait()
            nursery.cancel_scope.cancel()
    assert len(rooms) == 5
    assert [line["event"] for line in lines] == ["server.cannot_accept"]
    assert plain.socket.fileno() == -1, "the listener was left open"


async def test_a_peer_that_is_turned_away_counts_as_pending_and_is_cut_off_for_others() -> None:
    async with serving(WS_MAX_PENDING="2", AUTH_MAX_FAILURES="0") as place:
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(fetch, place.port, "/ws", "GET", UPGRADE)
            await trio.sleep(0.05)
            assert place.server.arrivals.waiting <= 2
            with trio.fail_after(5):
                assert (await fetch(place.port, "/healthz")).status == 200
            nursery.cancel_scope.cancel()
