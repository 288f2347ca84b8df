"""How connections end: a drain, a client that does not read. Protocol, sections 3 and 7."""

import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from trio_websocket import wrap_client_stream

from engines.scripted import Script
from runtime.websocket import WebSocket
from tests.e2e.client import Client, kinds_of, text_of
from tests.e2e.plain import UPGRADE, fetch
from tests.runtime.serving import Place, Serving, says, talks

KEY = ("X-API-Key", "k-1")
# What takes longer on the busiest machine waits for something that it should not wait for.
PATIENCE_S = 8.0


# -- drain -------------------------------------------------------------------------------------------------------------


async def test_a_drain_says_goodbye_at_once_where_no_turn_runs(serving: Serving) -> None:
    async with serving(says("Yes.")) as place, place.connected() as fresh, place.connected() as client:
        await client.start()
        await client.rest()
        await fresh.answers_pings()
        with trio.fail_after(PATIENCE_S):
            await place.server.drain(30)
        for one in (fresh, client):
            assert await one.closed() == (1001, "server_shutdown")
            assert one.seen[-1]["type"] == "session_end"
            assert one.seen[-1]["payload"] == {"reason": "server_shutdown"}
        assert client.seen[-1]["session_id"] == "s-1"


async def test_a_drain_lets_the_running_turn_finish_and_takes_nobody_new(serving: Serving) -> None:
    async with serving(talks(40)) as place, place.connected() as client, trio.open_nursery() as nursery:
        await client.start()
        await client.until("token")
        nursery.start_soon(place.server.drain, 30.0)
        await trio.sleep(0.05)
        reply = await fetch(place.port, "/readyz")
        assert (reply.status, reply.json["status"], reply.json["reason"]) == (503, "not_ready", "shutting down")
        assert (await fetch(place.port, "/healthz")).status == 200
        assert (await fetch(place.port, "/ws", headers=[*UPGRADE, KEY])).status == 503
        await client.say("ping", "p-1")
        await client.until("pong")
        frames = await client.rest()
        assert frames[-1]["type"] == "done"
        assert frames[-1]["payload"]["usage"]["completion_tokens"] == place.counted(40)
        assert await client.closed() == (1001, "server_shutdown")
        assert client.seen[-1]["type"] == "session_end"


async def test_a_newcomer_that_waits_for_a_slot_is_told_at_once_and_the_drain_waits_for_its_goodbye(
    serving: Serving,
) -> None:
    limits = {"MAX_CONCURRENT_CONNECTIONS": "1", "WS_HANDSHAKE_ACQUIRE_TIMEOUT_S": "60"}
    async with serving(talks(20), **limits) as place, place.connected() as client, trio.open_nursery() as nursery:
        await client.start()
        await client.until("token")
        async with place.connected() as newcomer:
            nursery.start_soon(place.server.drain, 30.0)
            with trio.fail_after(PATIENCE_S):
                assert (await newcomer.refusal())[:2] == ("server_busy", "engine_unavailable")
            assert (await newcomer.closed())[0] == 1001
        assert (await client.rest())[-1]["type"] == "done"


async def test_a_drain_of_somebody_who_waits_and_nobody_else_ends_when_they_have_been_told(serving: Serving) -> None:
    limits = {"MAX_CONCURRENT_CONNECTIONS": "1", "WS_HANDSHAKE_ACQUIRE_TIMEOUT_S": "60"}
    async with serving(**limits) as place, place.connected() as first:
        await first.answers_pings()
        async with place.connected() as newcomer, trio.open_nursery() as nursery:
            with trio.fail_after(PATIENCE_S):
                nursery.start_soon(first.closed)
                nursery.start_soon(newcomer.closed)
                await place.server.drain(30.0)
            place.server.expire()
            assert not place.server.slots.taken and not place.server.arrivals.waiting
        assert [frame["payload"]["code"] for frame in newcomer.seen] == ["server_busy"]


async def test_a_drain_waits_until_a_stranger_has_been_told_that_its_key_is_wrong(serving: Serving) -> None:
    async with serving() as place, place.connected("wrong") as stranger:
        assert (await stranger.refusal())[:2] == ("authentication_failed", "invalid_key")
        with trio.fail_after(PATIENCE_S):
            await place.server.drain(30.0)
        assert stranger.socket.closed is not None
        assert stranger.socket.closed.code == 1008


async def test_a_turn_that_outlives_the_drain_is_cancelled(serving: Serving) -> None:
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


async def test_a_barge_in_during_a_drain_is_the_sessions_last_word(serving: Serving) -> None:
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


@asynccontextmanager
async def _lazy(place: Place, buffer_bytes: int = 4096) -> AsyncIterator[Client]:
    """A client that reads only when told to, with small buffers at both ends: what it does not read piles up."""
    raw = trio.socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    await raw.connect(("127.0.0.1", place.port))
    before = set(place.server.connections)
    async with trio.open_nursery() as nursery:
        connection = await wrap_client_stream(
            nursery,
            trio.SocketStream(raw),
            f"127.0.0.1:{place.port}",
            "/ws",
            extra_headers=[(b"X-API-Key", b"k-1")],
            message_queue_size=1,
            receive_buffer_size=buffer_bytes,
        )
        client = Client(connection, "lazy")
        await client.answers_pings()
        (mine,) = place.server.connections - before
        assert isinstance(mine.socket, WebSocket)
        assert isinstance(mine.socket.wire.stream, trio.SocketStream)
        mine.socket.wire.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        try:
            yield client
        finally:
            await trio.aclose_forcefully(connection._stream)
            nursery.cancel_scope.cancel()


FLOOD = [" " + "y" * 299] * 150
"""45 kB: more than a small outbox and both buffers hold."""
SMALL = {"WS_OUTBOX_MAX_BYTES": "16384"}
LONG_MEMORY = {"CHAT_MAX_LEN": "60000", "HISTORY_MAX_TOKENS": "50000", "TRIMMED_HISTORY_LENGTH": "40000"}
RAW = {"sampling": {"sanitize_output": False}}


def _floods_lazy_ones() -> Script:
    """The first request gets a flood, the others a few words."""
    turns = itertools.count()
    return Script(step_s=0.002, reply=lambda _request: list(FLOOD) if next(turns) == 0 else [" word"] * 40)


async def _given_up(place: Place, within_s: float) -> None:
    with trio.fail_after(within_s):
        while not place.actor.stats().aborts.get("slow_consumer"):
            await trio.sleep(0.01)


async def test_an_overflowing_client_is_closed_1013_slow_consumer_and_its_turn_aborted(serving: Serving) -> None:
    async with serving(_floods_lazy_ones(), **SMALL) as place, _lazy(place) as client:
        await client.start("r-1", "hi", **RAW)
        await _given_up(place, 5)
        assert await client.closed() == (1013, "slow_consumer")
        assert "done" not in kinds_of(client.seen), "its turn was aborted"
        await place.until_idle_engine()


async def test_an_overflowing_client_that_never_reads_is_gone_soon(serving: Serving) -> None:
    async with serving(_floods_lazy_ones(), **SMALL) as place, _lazy(place) as client:
        await client.start("r-1", "hi", **RAW)
        await _given_up(place, 5)
        await place.until_idle(within_s=4)  # not the 20 s of a client that merely takes nothing


async def test_a_client_that_takes_nothing_is_given_up_after_the_send_timeout(serving: Serving) -> None:
    async with (
        serving(_floods_lazy_ones(), WS_SEND_TIMEOUT_S="0.6") as place,
        _lazy(place) as client,
    ):
        began = trio.current_time()
        await client.start("r-1", "hi", **RAW)
        with trio.fail_after(8):
            while place.server.connections:
                await trio.sleep(0.01)
        assert trio.current_time() - began > 0.6
        await place.until_idle()


async def test_a_client_that_was_given_up_can_still_read_why(serving: Serving) -> None:
    async with (
        serving(_floods_lazy_ones(), WS_SEND_TIMEOUT_S="0.6") as place,
        _lazy(place) as client,
    ):
        await client.start("r-1", "hi", **RAW)
        await trio.sleep(1.2)
        assert await client.closed() == (1013, "slow_consumer"), "the close frame comes after whole frames"


async def test_nobody_else_waits_for_a_slow_client(serving: Serving) -> None:
    script = _floods_lazy_ones()
    async with serving(script, WS_SEND_TIMEOUT_S="30") as place:
        async with _lazy(place) as lazy, place.connected() as client:
            await lazy.start("r-1", "hi", **RAW)
            await trio.sleep(0.5)
            for number in range(5):
                began = trio.current_time()
                await (client.message(f"r-{number}") if number else client.start("r-0"))
                assert (await client.rest())[-1]["type"] == "done"
                assert trio.current_time() - began < PATIENCE_S
            assert lazy.socket.closed is None


async def test_a_client_that_reads_slowly_gets_everything_in_fewer_frames(serving: Serving) -> None:
    async with serving(_floods_lazy_ones()) as place:
        async with _lazy(place, 8192) as client:
            await client.start("r-1", "hi", **RAW)
            while client.seen[-1]["type"] != "done":
                await client.frame()
                await trio.sleep(0.03)
            tokens = [frame["payload"]["text"] for frame in client.seen if frame["type"] == "token"]
            assert "".join(tokens) == "".join(FLOOD)
            assert len(tokens) < len(FLOOD)


async def test_a_barge_in_of_a_slow_client_is_not_answered_with_old_text(serving: Serving) -> None:
    async with serving(_floods_lazy_ones(), **LONG_MEMORY) as place:
        async with _lazy(place) as client:
            await client.start("r-1", "hi", **RAW)
            await trio.sleep(0.25)
            await client.message("r-2", "stop")
            frames = await client.until("done")
            kinds = kinds_of(frames)
            assert kinds[-4:] == ["ack", "token", "final", "done"]
            heard = [frame for frame in frames if frame["type"] == "token" and frame["request_id"] == "r-1"]
            assert f"{text_of(heard).strip()}<|im_end|>" in place.prompt()
            assert len(text_of(heard)) < len("".join(FLOOD))
