"""Plain HTTP beside the WebSocket: protocol, sections 1 and 3."""

import json

import pytest
import trio

from runtime import assembly
from runtime.health import Health
from runtime.settings import Settings
from tests.e2e.plain import UPGRADE, exchange, fetch
from tests.runtime.serving import serving
from tests.toy import toy_directory

KEY = ("X-API-Key", "k-1")


async def test_liveness_has_three_paths_and_one_answer() -> None:
    async with serving() as place:
        for path in ("/", "/health", "/healthz"):
            reply = await fetch(place.port, path)
            assert (reply.status, reply.body) == (200, b'{"status":"ok"}')
            assert reply.headers["content-type"] == "application/json"
            assert reply.headers["connection"] == "close"


async def test_health_needs_no_key_and_ignores_a_query() -> None:
    async with serving() as place:
        assert (await fetch(place.port, "/healthz?probe=1&api_key=wrong")).status == 200
        assert (await fetch(place.port, "/readyz?x=%20")).status == 200


async def test_a_ready_server_says_so() -> None:
    async with serving() as place:
        reply = await fetch(place.port, "/readyz")
        assert (reply.status, reply.json["status"]) == (200, "ready")


async def test_a_server_that_loads_is_alive_but_not_ready_and_takes_no_websocket() -> None:
    settings = Settings.from_env(
        {
            "TEXT_API_KEY": "k-1",
            "MAX_CONCURRENT_CONNECTIONS": "1",
            "INFERENCE_ENGINE": "scripted",
            "CHAT_MODEL": str(toy_directory()),
        }
    )
    server = assembly.server(assembly.parts(settings, Health(progress="reading weights")))
    async with trio.open_nursery() as nursery:
        port = await nursery.start(server.serve, "127.0.0.1", 0)
        assert (await fetch(port, "/healthz")).status == 200
        reply = await fetch(port, "/readyz")
        assert reply.status == 503
        assert "reading weights" in (await fetch(port, "/ws", headers=UPGRADE)).json["error"] + json.dumps(reply.json)
        assert (await fetch(port, "/ws", headers=[*UPGRADE, KEY])).status == 503
        nursery.cancel_scope.cancel()


async def test_a_dead_engine_makes_the_server_not_ready_with_a_reason() -> None:
    async with serving() as place:
        place.engine.die()
        with trio.fail_after(5):
            while (reply := await fetch(place.port, "/readyz")).status == 200:
                await trio.sleep(0.01)
        assert reply.status == 503
        assert reply.json["status"] == "not_ready"
        assert "chat engine" in reply.json["reason"]
        assert (await fetch(place.port, "/healthz")).status == 200


async def test_there_are_no_metrics_unless_asked_for() -> None:
    async with serving() as place:
        assert (await fetch(place.port, "/metrics")).status == 404


async def test_a_favicon_is_no_content() -> None:
    async with serving() as place:
        reply = await fetch(place.port, "/favicon.ico")
        assert (reply.status, reply.body) == (204, b"")


@pytest.mark.parametrize("path", ["/nothing", "/ws/", "/WS", "/readyz/", "/healthz2", "//", "/../ws", "/docs"])
async def test_no_other_route_exists(path: str) -> None:
    async with serving() as place:
        assert (await fetch(place.port, path)).status == 404


async def test_a_plain_request_for_the_websocket_is_told_to_upgrade() -> None:
    async with serving() as place:
        reply = await fetch(place.port, "/ws", headers=[KEY])
        assert reply.status == 426
        assert reply.headers["upgrade"] == "websocket"
        assert (await fetch(place.port, "/ws", "POST", [KEY, ("Content-Length", "0")])).status == 426


@pytest.mark.parametrize("missing", [name for name, _ in UPGRADE])
async def test_half_an_upgrade_is_none(missing: str) -> None:
    async with serving() as place:
        headers = [pair for pair in UPGRADE if pair[0] != missing]
        assert (await fetch(place.port, "/ws", headers=[*headers, KEY])).status == 426


async def test_head_has_the_headers_of_get_and_no_body() -> None:
    async with serving() as place:
        reply = await fetch(place.port, "/healthz", "HEAD")
        assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "15")


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\nhello\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    ],
    ids=["words", "half a line", "TLS", "half a header"],
)
async def test_what_is_not_http_is_a_bad_request(data: bytes) -> None:
    async with serving() as place:
        assert (await exchange(place.port, data)).startswith(b"HTTP/1.1 400 ")
        assert (await fetch(place.port, "/healthz")).status == 200


async def test_a_head_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    async with serving() as place:
        received = await exchange(place.port, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40000)
        assert received.startswith(b"HTTP/1.1 431 ")
        assert (await fetch(place.port, "/healthz")).status == 200


async def test_compression_is_offered_only_where_it_is_switched_on() -> None:
    offer = [*UPGRADE, KEY, ("Sec-WebSocket-Extensions", "permessage-deflate")]
    for switch, expected in (("0", False), ("1", True)):
        async with serving(WS_COMPRESSION=switch) as place:
            stream = await trio.open_tcp_stream("127.0.0.1", place.port)
            async with stream:
                lines = "".join(f"{name}: {value}\r\n" for name, value in [("Host", "a"), *offer])
                await stream.send_all(f"GET /ws HTTP/1.1\r\n{lines}\r\n".encode())
                with trio.fail_after(5):
                    head = await stream.receive_some(4096)
            assert head.startswith(b"HTTP/1.1 101 ")
            assert (b"permessage-deflate" in head.lower()) is expected
