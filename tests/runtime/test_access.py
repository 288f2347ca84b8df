"""Who comes in: keys, the throttle, slots. Protocol, section 3."""

import json

import pytest
import structlog
import trio

from actors import connection
from runtime.access import AUTH_MESSAGE
from tests.e2e.client import Client
from tests.e2e.plain import UPGRADE, fetch
from tests.runtime.serving import Place, says, serving, talks

Headers = list[tuple[str, str]]
# What takes longer on the busiest machine waits for something that it should not wait for.
PATIENCE_S = 8.0

ACCEPTED: dict[str, tuple[Headers, str]] = {
    "X-API-Key": ([("X-API-Key", "k-1")], ""),
    "x-api-key, any case": ([("x-API-key", "k-2")], ""),
    "bearer": ([("Authorization", "Bearer k-1")], ""),
    "bearer, any case": ([("authorization", "bEARER k-2")], ""),
    "query": ([], "?api_key=k-1"),
    "query among others": ([], "?a=b&api_key=k-2&c="),
    "a quoted query": ([], "?api_key=%6b-1"),
    "two that are valid": ([("X-API-Key", "k-1")], "?api_key=k-2"),
    "all three": ([("X-API-Key", "k-1"), ("Authorization", "Bearer k-1")], "?api_key=k-1"),
}
REFUSED: dict[str, tuple[Headers, str, str]] = {
    "none": ([], "", "missing_key"),
    "wrong header": ([("X-API-Key", "k-3")], "", "invalid_key"),
    "wrong bearer": ([("Authorization", "Bearer k-3")], "", "invalid_key"),
    "wrong query": ([], "?api_key=k-3", "invalid_key"),
    "empty header": ([("X-API-Key", "")], "", "invalid_key"),
    "empty query": ([], "?api_key=", "invalid_key"),
    "both keys in one": ([("X-API-Key", "k-1,k-2")], "", "invalid_key"),
    "a key and its beginning": ([("X-API-Key", "k-1")], "?api_key=k-", "invalid_key"),
    "one of two is wrong": ([("X-API-Key", "k-1")], "?api_key=k-3", "invalid_key"),
    "the same header twice": ([("X-API-Key", "k-1"), ("X-API-Key", "k-3")], "", "invalid_key"),
    "the wrong scheme": ([("Authorization", "Basic k-1")], "", "invalid_key"),
    "not ASCII": ([], "?api_key=%F0%9F%94%91", "invalid_key"),
    "a NUL": ([], "?api_key=k-1%00", "invalid_key"),
}


async def test_every_way_to_bring_every_key_opens_the_door() -> None:
    async with serving(says("Hi."), TEXT_API_KEY="k-1,k-2") as place:
        for headers, query in ACCEPTED.values():
            async with place.connected(None, query=query, headers=headers) as client:
                await client.answers_pings()


async def test_a_missing_or_wrong_key_is_told_readably_and_closed() -> None:
    async with serving(TEXT_API_KEY="k-1,k-2") as place:
        for name, (headers, query, reason) in REFUSED.items():
            async with place.connected(None, query=query, headers=headers) as client:
                code, reason_code, frame = await client.refusal()
                assert (code, reason_code) == ("authentication_failed", reason), name
                assert frame["payload"]["message"] == AUTH_MESSAGE
                assert (frame["session_id"], frame["request_id"]) == ("unknown", "unknown")
                assert (await client.closed())[0] == 1008


async def test_a_refused_client_gets_its_linger_and_no_more() -> None:
    async with serving() as place, place.connected(None) as client:
        await client.refusal()
        began = trio.current_time()
        assert (await client.closed())[0] == 1008
        assert trio.current_time() - began < PATIENCE_S


async def test_a_refused_client_that_closes_by_itself_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LINGER_S", 10 * PATIENCE_S)
    async with serving(MAX_CONCURRENT_CONNECTIONS="1") as place, place.connected(None) as client:
        await client.refusal()
        with trio.fail_after(PATIENCE_S):
            await client.socket.aclose()


async def test_a_wrong_key_takes_no_slot() -> None:
    async with (
        serving(MAX_CONCURRENT_CONNECTIONS="1") as place,
        place.connected("nobody") as stranger,
        place.connected() as client,
    ):
        await client.answers_pings()
        assert place.server.slots.taken == 1
        await stranger.refusal()


async def test_a_key_is_in_no_log_line() -> None:
    with structlog.testing.capture_logs() as logs:
        async with serving(TEXT_API_KEY="very-secret-1") as place:
            async with place.connected("almost-secret-2", query="?api_key=very-secret-1") as client:
                await client.closed()
            async with place.connected("very-secret-1") as client:
                await client.start()
                await client.rest()
    text = json.dumps(logs, default=repr)
    assert "session.closed" in text
    assert "secret" not in text


async def _fail(place: Place, times: int) -> None:
    for _ in range(times):
        async with place.connected("wrong") as client:
            await client.refusal()


async def test_too_many_wrong_keys_are_throttled_at_the_upgrade_and_a_right_one_never_is() -> None:
    wrong = [*UPGRADE, ("X-API-Key", "wrong")]
    async with serving(AUTH_MAX_FAILURES="3", AUTH_FAILURE_WINDOW_S="2.5") as place:
        await _fail(place, 4)
        reply = await fetch(place.port, "/ws", headers=wrong)
        assert reply.status == 429
        assert int(reply.headers["retry-after"]) >= 1
        assert (await fetch(place.port, "/readyz")).status == 200, "only the WebSocket is throttled"
        async with place.connected() as client:
            await client.answers_pings()
        await trio.sleep(2.6)
        await _fail(place, 1)  # readable again


async def _forwarded(place: Place, key: str, address: str) -> int:
    fields = [*UPGRADE, ("X-API-Key", key), ("X-Forwarded-For", address)]
    return (await fetch(place.port, "/ws", headers=fields)).status


@pytest.mark.parametrize("chain", ["203.0.113.7", "1.2.3.4, 203.0.113.7", "203.0.113.7:4711", "203.0.113.7, 127.0.0.9"])
async def test_behind_a_trusted_proxy_failures_count_for_whom_it_forwards(chain: str) -> None:
    async with serving(AUTH_MAX_FAILURES="2", TRUSTED_PROXIES="127.0.0.0/8") as place:
        assert [await _forwarded(place, "wrong", chain) for _ in range(4)] == [101, 101, 101, 429]
        assert await _forwarded(place, "wrong", "203.0.113.8") == 101
        async with place.connected(headers=[("X-Forwarded-For", chain)]) as client:
            await client.answers_pings()


async def test_nobody_is_believed_who_is_no_trusted_proxy() -> None:
    async with serving(AUTH_MAX_FAILURES="2", TRUSTED_PROXIES="10.0.0.0/8") as place:
        addresses = [f"203.0.113.{number}" for number in range(4)]
        assert [await _forwarded(place, "wrong", address) for address in addresses] == [101, 101, 101, 429]


async def test_no_limit_of_failures_means_no_throttle() -> None:
    async with serving(AUTH_MAX_FAILURES="0") as place:
        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(_fail, place, 1)
        async with place.connected() as client:
            await client.answers_pings()


async def test_good_keys_never_count_as_failures() -> None:
    async with serving(AUTH_MAX_FAILURES="1") as place:
        for _ in range(5):
            async with place.connected() as client:
                await client.answers_pings()


async def test_a_newcomer_without_a_slot_is_told_readably_and_closed() -> None:
    async with serving(MAX_CONCURRENT_CONNECTIONS="1") as place, place.connected() as first:
        await first.answers_pings()
        began = trio.current_time()
        async with place.connected() as second:
            code, reason, frame = await second.refusal()
            assert (code, reason) == ("server_at_capacity", "no_slot")
            assert 0.4 < trio.current_time() - began < 0.5 + PATIENCE_S
            assert frame["session_id"] == "unknown"
            assert (await second.closed())[0] == 1013
        await first.answers_pings()


async def test_a_newcomer_gets_the_slot_of_one_who_leaves_in_time() -> None:
    async with serving(MAX_CONCURRENT_CONNECTIONS="1", WS_HANDSHAKE_ACQUIRE_TIMEOUT_S="5") as place:
        async with trio.open_nursery() as nursery:

            async def leave(client: Client) -> None:
                await trio.sleep(0.2)
                await client.socket.aclose()

            async with place.connected() as first:
                await first.answers_pings()
                nursery.start_soon(leave, first)
                async with place.connected() as second:
                    await second.answers_pings()
                    assert place.server.slots.taken == 1


async def test_a_slot_is_given_back_however_a_connection_ends() -> None:
    async with serving(talks(), MAX_CONCURRENT_CONNECTIONS="1", WS_HANDSHAKE_ACQUIRE_TIMEOUT_S="2") as place:
        async with place.connected() as client:
            await client.start()
            await client.until("token")
            await client.socket._stream.aclose()  # the connection breaks in the middle of a turn
        async with place.connected() as client:
            await client.say("start", "r", {})
            assert (await client.closed())[0] == 1008
        async with place.connected() as client:
            await client.say("end", "bye")
            assert (await client.closed())[0] == 1000
        async with place.connected() as client:
            await client.answers_pings()
        await place.until_idle()


async def test_close_codes_that_are_settings_are_the_ones_that_were_set() -> None:
    async with serving(
        MAX_CONCURRENT_CONNECTIONS="1",
        WS_CLOSE_UNAUTHORIZED_CODE="4001",
        WS_CLOSE_BUSY_CODE="4002",
        WS_CLOSE_CLIENT_REQUEST_CODE="4003",
        WS_CLOSE_IDLE_CODE="4004",
        WS_CLOSE_IDLE_REASON="gone_quiet",
        WS_IDLE_TIMEOUT_S="1",
        WS_HANDSHAKE_ACQUIRE_TIMEOUT_S="0",
    ) as place:
        async with place.connected("wrong") as client:
            assert (await client.closed())[0] == 4001
        async with place.connected() as first:
            await first.answers_pings()
            async with place.connected() as second:
                assert (await second.closed())[0] == 4002
            await first.say("end", "bye")
            assert (await first.closed())[0] == 4003
        async with place.connected() as client:
            assert await client.closed() == (4004, "gone_quiet")
