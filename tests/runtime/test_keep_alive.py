"""Protocol pings on silent connections, and peers that are gone without a word. Protocol, section 1."""

import json

import trio

from actors.connection import Disconnected
from runtime.websocket import KeepAlive, WebSocket
from tests.e2e.plain import UPGRADE
from tests.runtime.frames import PING, PONG, TEXT, Peer, Ping, Pong, frame, sockets
from tests.runtime.serving import Place, says, serving


async def _silent(socket: WebSocket, keep_alive: KeepAlive) -> str:
    """What becomes of a connection on which nobody says anything that counts."""
    try:
        with keep_alive.watching(socket):
            await socket.receive()
    except Disconnected:
        return "gone"
    return "talked"


async def test_a_peer_that_answers_pings_is_kept_however_silent() -> None:
    async with sockets() as (socket, peer), trio.open_nursery() as nursery:
        keep_alive = KeepAlive(0.2)
        nursery.start_soon(keep_alive.run)
        nursery.start_soon(_silent, socket, keep_alive)
        for _ in range(5):
            assert isinstance(await peer.event(), Ping)
            await peer.send(frame(PONG))
        assert not socket.wire.closed.is_set()
        nursery.cancel_scope.cancel()


async def test_a_peer_that_answers_nothing_for_two_intervals_is_gone() -> None:
    async with sockets() as (socket, peer), trio.open_nursery() as nursery:
        keep_alive = KeepAlive(0.2)
        nursery.start_soon(keep_alive.run)
        with trio.fail_after(5):
            assert await _silent(socket, keep_alive) == "gone"
        assert isinstance(await peer.event(), Ping)
        nursery.cancel_scope.cancel()


async def test_whatever_the_peer_says_is_life() -> None:
    async with sockets() as (socket, peer), trio.open_nursery() as nursery:
        keep_alive = KeepAlive(0.6)
        nursery.start_soon(keep_alive.run)
        nursery.start_soon(_fragments, peer)
        with trio.move_on_after(2.5) as patience:
            await _silent(socket, keep_alive)
        assert patience.cancelled_caught
        nursery.cancel_scope.cancel()


async def _fragments(peer: Peer) -> None:
    await peer.send(frame(TEXT, b"x", fin=False))
    while True:
        await trio.sleep(0.1)
        await peer.send(frame(0, b"x", fin=False))


async def test_no_interval_means_no_pings() -> None:
    async with sockets() as (socket, peer), trio.open_nursery() as nursery:
        keep_alive = KeepAlive(0.0)
        nursery.start_soon(keep_alive.run)
        with keep_alive.watching(socket), trio.move_on_after(1.5) as patience:
            await peer.event()
        assert patience.cancelled_caught
        nursery.cancel_scope.cancel()


async def test_a_pong_that_a_full_socket_did_not_take_goes_once_the_peer_reads() -> None:
    async with sockets() as (socket, peer), trio.open_nursery() as nursery:
        keep_alive = KeepAlive(0.0)
        nursery.start_soon(keep_alive.run)
        nursery.start_soon(_silent, socket, keep_alive)
        with keep_alive.watching(socket):
            for number in range(9000):  # more pongs than an unread socket takes
                await peer.send(frame(PING, f"{number}".encode().rjust(125, b"0")))
            with trio.fail_after(10):
                while True:
                    event = await peer.event()
                    assert isinstance(event, Pong)
                    if int(bytes(event.payload)) == 8999:
                        break
        nursery.cancel_scope.cancel()


class Broken(WebSocket):
    """A connection about which something is wrong that nobody foresaw."""

    def keep_alive(self, interval_s: float) -> None:
        raise ZeroDivisionError


async def test_a_bug_about_one_connection_costs_that_one() -> None:
    async with sockets() as (other, _), sockets() as (sound, peer), trio.open_nursery() as nursery:
        keep_alive, broken = KeepAlive(0.1), Broken(other.wire, 1000)
        with keep_alive.watching(broken), keep_alive.watching(sound):
            nursery.start_soon(keep_alive.run)
            assert isinstance(await peer.event(), Ping)
        assert broken.wire.closed.is_set()
        nursery.cancel_scope.cancel()


async def test_a_half_open_clients_turn_is_aborted_and_its_slot_returned() -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in (*UPGRADE, ("Host", "a"), ("X-API-Key", "k-1")))
    start = {
        "type": "start",
        "session_id": "s",
        "request_id": "r",
        "payload": {"chat_prompt": "x", "user_utterance": "y"},
    }
    async with serving(says("Hi."), WS_PING_INTERVAL_S="0.2", MAX_CONCURRENT_CONNECTIONS="1") as place:
        place.engine.stalled = True
        async with await trio.open_tcp_stream("127.0.0.1", place.port) as stream:
            await stream.send_all(f"GET /ws HTTP/1.1\r\n{head}\r\n".encode())
            await stream.send_all(frame(TEXT, json.dumps(start).encode()))
            await _until_running(place, 1)
            await _until_running(place, 0)
            place.engine.stalled = False
            await place.until_idle(10)


async def _until_running(place: Place, count: int) -> None:
    with trio.fail_after(10):
        while place.actor.running != count:
            await trio.sleep(0.01)


async def test_pings_are_seen_by_an_ordinary_client_as_nothing() -> None:
    async with serving(says("Hi."), WS_PING_INTERVAL_S="0.05") as place, place.connected() as client:
        await client.start("r-1")
        await client.rest()
        await trio.sleep(0.5)
        await client.message("r-2")
        await client.rest()
