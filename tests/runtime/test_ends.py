"""How connections end: silence, a drain, a client that does not read. Protocol, sections 3 and 7."""

import itertools
import socket
from contextlib import suppress

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from engines.scripted import Script
from tests.e2e.client import Client, kinds_of
from tests.e2e.plain import UPGRADE, fetch
from tests.runtime.serving import Place, says, serving, talks

KEY = ("X-API-Key", "k-1")


# -- silence -----------------------------------------------------------------------------------------------------------


async def test_silence_closes_with_4000_within_a_tenth_of_a_second() -> None:
    async with serving(WS_IDLE_TIMEOUT_S="0.6") as place, place.connected() as client:
        await client.answers_pings()
        heard = trio.current_time()
        assert await client.closed() == (4000, "idle_timeout")
        assert 0.55 < trio.current_time() - heard < 0.8
        assert "error" not in kinds_of(client.seen)


async def test_a_connection_that_never_said_anything_is_idle_too() -> None:
    async with serving(WS_IDLE_TIMEOUT_S="0.4") as place, place.connected() as client:
        assert await client.closed() == (4000, "idle_timeout")


async def test_every_well_formed_frame_is_a_sign_of_life() -> None:
    async with serving(says("Yes."), WS_IDLE_TIMEOUT_S="0.5") as place, place.connected() as client:
        for kind in ("ping", "pong", "cancel", "shout", "ping"):
            await trio.sleep(0.3)
            await client.say(kind, "x-1")
        await trio.sleep(0.3)
        await client.say("message", "m-1", {})  # refused, but a frame
        await trio.sleep(0.3)
        assert client.socket.closed is None
        assert (await client.closed())[0] == 4000


async def test_a_malformed_frame_is_no_sign_of_life() -> None:
    async with serving(WS_IDLE_TIMEOUT_S="0.6") as place, place.connected() as client:
        began = trio.current_time()
        for _ in range(3):
            await trio.sleep(0.15)
            await client.raw("nonsense")
        assert await client.closed() == (4000, "idle_timeout")
        assert trio.current_time() - began < 0.8


async def test_a_running_turn_is_not_idle_however_silent_its_client_is() -> None:
    async with serving(talks(60, 0.02), WS_IDLE_TIMEOUT_S="0.3") as place, place.connected() as client:
        await client.start()
        frames = await client.rest()
        ended = trio.current_time()
        assert frames[-1]["type"] == "done"
        assert (await client.closed())[0] == 4000
        assert trio.current_time() - ended < 0.4


async def test_zero_means_never_idle() -> None:
    async with serving(WS_IDLE_TIMEOUT_S="0") as place, place.connected() as client:
        await trio.sleep(0.5)
        await client.answers_pings()


# -- drain -------------------------------------------------------------------------------------------------------------


async def test_a_drain_says_goodbye_at_once_where_no_turn_runs() -> None:
    async with serving(says("Yes.")) as place, place.connected() as fresh, place.connected() as client:
        await client.start()
        await client.rest()
        await fresh.answers_pings()
        with trio.fail_after(2):
            await place.server.drain(30)
        for one in (fresh, client):
            assert await one.closed() == (1001, "server_shutdown")
            assert one.seen[-1]["type"] == "session_end"
            assert one.seen[-1]["payload"] == {"reason": "server_shutdown"}
        assert client.seen[-1]["session_id"] == "s-1"


async def test_a_drain_lets_the_running_turn_finish_and_takes_nobody_new() -> None:
    async with serving(talks(40)) as place, place.connected() as client, trio.open_nursery() as nursery:
        await client.start()
        await client.until("token")
        nursery.start_soon(place.server.drain, 30.0)
        await trio.sleep(0.05)
        reply = await fetch(place.port, "/readyz")
        assert (reply.status, reply.json) == (503, {"status": "not_ready", "reason": "shutting down"})
        assert (await fetch(place.port, "/healthz")).status == 200
        assert (await fetch(place.port, "/ws", headers=[*UPGRADE, KEY])).status == 503
        await client.say("ping", "p-1")
        await client.until("pong")
        frames = await client.rest()
        assert frames[-1]["type"] == "done"
        assert frames[-1]["payload"]["usage"]["completion_tokens"] == 40
        assert await client.closed() == (1001, "server_shutdown")
        assert client.seen[-1]["type"] == "session_end"


async def test_a_turn_that_outlives_the_drain_is_cancelled() -> None:
    async with serving(talks(150)) as place, place.connected() as client:
        await client.start()
        await client.until("token")
        with trio.fail_after(5):
            await place.server.drain(0.2)
        assert (await client.closed())[0] == 1001
        cancelled, goodbye = client.seen[-2:]
        assert (cancelled["type"], cancelled["request_id"]) == ("cancelled", "r-1")
        assert cancelled["payload"]["reason"] == "server_shutdown"
        assert goodbye["type"] == "session_end"
        await place.until_idle_engine()


async def test_a_barge_in_during_a_drain_is_the_sessions_last_word() -> None:
    async with serving(talks(150)) as place, place.connected() as client, trio.open_nursery() as nursery:
        await client.start()
        await client.until("token")
        nursery.start_soon(place.server.drain, 10.0)
        await trio.sleep(0.05)
        await client.message("r-2")
        assert (await client.closed())[0] == 1001
        cancelled = [frame for frame in client.seen if frame["type"] == "cancelled"]
        ends = [(frame["request_id"], frame["payload"]["reason"]) for frame in cancelled]
        assert ends == [("r-1", "barge_in"), ("r-2", "server_shutdown")]


# -- a client that does not read ---------------------------------------------------------------------------------------


async def _with_a_small_window(place: Place, nursery: trio.Nursery) -> WebSocketConnection:
    """A connection whose own buffers are tiny, so that what the client does not read piles up at the server."""
    raw = trio.socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    await raw.connect(("127.0.0.1", place.port))
    return await wrap_client_stream(
        nursery,
        trio.SocketStream(raw),
        f"127.0.0.1:{place.port}",
        "/ws",
        extra_headers=[(b"X-API-Key", b"k-1")],
        message_queue_size=1,
        receive_buffer_size=512,
    )


def _floods() -> Script:
    """Replies that no socket buffer holds."""
    return Script(step_s=0.002, reply=lambda _request: ["x" * 60_000] * 150)


async def _slow(place: Place, within_s: float) -> None:
    """Let a client that reads nothing ask for a flood; return when the server has given it up."""
    async with trio.open_nursery() as nursery:
        connection = await _with_a_small_window(place, nursery)
        slow = Client(connection)
        await slow.start("r-1", "hi", sampling={"sanitize_output": False})
        with trio.fail_after(within_s):
            while not place.server.connections:
                await trio.sleep(0.01)
            while place.server.connections:
                await trio.sleep(0.01)
        await trio.aclose_forcefully(connection._stream)
        nursery.cancel_scope.cancel()


async def test_a_client_that_overflows_its_outbox_loses_its_turn_and_its_connection() -> None:
    async with serving(_floods()) as place:
        await _slow(place, 10)
        await place.until_idle()
        assert place.actor.stats().aborts["slow_consumer"] == 1


async def test_a_client_that_takes_nothing_is_given_up_after_the_send_timeout() -> None:
    async with serving(_floods(), WS_OUTBOX_MAX_BYTES="100000000", WS_SEND_TIMEOUT_S="0.5") as place:
        began = trio.current_time()
        await _slow(place, 10)
        assert trio.current_time() - began > 0.5
        await place.until_idle()
        assert place.actor.stats().aborts["slow_consumer"] == 1


async def test_a_slow_client_is_closed_with_1013_slow_consumer() -> None:
    async with serving(_floods(), WS_SEND_TIMEOUT_S="0.5") as place, trio.open_nursery() as nursery:
        connection = await _with_a_small_window(place, nursery)
        slow = Client(connection)
        await slow.start("r-1", "hi", sampling={"sanitize_output": False})
        with trio.fail_after(10):
            while not place.actor.stats().aborts.get("slow_consumer"):
                await trio.sleep(0.01)
        # Only now it reads. What the server had handed to the system still comes, the last frame perhaps cut short:
        # then there is no room for a close frame, and the connection ends without one.
        with trio.move_on_after(5):
            while connection.closed is None:
                with suppress(ConnectionClosed):
                    await connection.get_message()
        if connection.closed is not None:
            assert connection.closed.code in (1013, 1006)
        await trio.aclose_forcefully(connection._stream)
        nursery.cancel_scope.cancel()


async def test_nobody_else_waits_for_a_slow_client() -> None:
    quick = [" word"] * 40
    turns = itertools.count()
    script = Script(step_s=0.005, reply=lambda _request: ["x" * 60_000] * 150 if next(turns) == 0 else list(quick))
    async with serving(script, WS_OUTBOX_MAX_BYTES="100000000", WS_SEND_TIMEOUT_S="3") as place:
        async with trio.open_nursery() as nursery, place.connected(session_id="quick") as client:
            connection = await _with_a_small_window(place, nursery)
            await Client(connection).start("r-1", "hi", sampling={"sanitize_output": False})
            await trio.sleep(0.3)
            for number in range(5):
                began = trio.current_time()
                await (client.start("r-0") if not number else client.message(f"r-{number}"))
                assert (await client.rest())[-1]["type"] == "done"
                assert trio.current_time() - began < 1.5
            await trio.aclose_forcefully(connection._stream)
            nursery.cancel_scope.cancel()


async def test_a_client_that_reads_slowly_gets_everything_in_fewer_frames() -> None:
    script = Script(step_s=0.002, reply=lambda _request: [" " + "y" * 3000] * 100)
    async with serving(script, WS_OUTBOX_MAX_BYTES="1000000") as place, trio.open_nursery() as nursery:
        connection = await _with_a_small_window(place, nursery)
        client = Client(connection)
        await client.start("r-1", "hi", sampling={"sanitize_output": False})
        while "done" not in kinds_of(client.seen[-1:]):
            await client.frame()
            await trio.sleep(0.01)
        tokens = [frame["payload"]["text"] for frame in client.seen if frame["type"] == "token"]
        assert "".join(tokens) == (" " + "y" * 3000) * 100
        assert len(tokens) < 100
        await connection.aclose()
        await trio.aclose_forcefully(connection._stream)
        nursery.cancel_scope.cancel()
