"""Plain HTTP: methods, versions, targets and headers that are seldom or wrong."""

import pytest

from tests.attacks.raw import dialled
from tests.attacks.scene import KEY, WRONG_KEY, attacked
from tests.e2e.plain import UPGRADE, exchange, fetch
from tooling.benchmarks.bystander.frames import upgrade

PATHS = ("/", "/health", "/healthz", "/readyz", "/favicon.ico")
METHODS = ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW")


def _status(answer: bytes) -> int:
    return int(answer.split()[1]) if answer else 0


async def test_no_content_has_no_length_and_no_body() -> None:
    async with attacked() as scene:
        for method in ("GET", "HEAD"):
            reply = await fetch(scene.port, "/favicon.ico", method)
            assert (reply.status, reply.body) == (204, b"")
            assert not {"content-length", "content-type", "transfer-encoding"} & set(reply.headers)


@pytest.mark.parametrize("path", PATHS)
async def test_another_method_on_a_known_path_is_told_which_are_allowed(path: str) -> None:
    async with attacked() as scene:
        for method in METHODS:
            reply = await fetch(scene.port, path, method)
            assert reply.status == 405, method
            assert {word.strip() for word in reply.headers["allow"].split(",")} == {"GET", "HEAD"}
            assert "error" in reply.json


async def test_another_method_on_the_websocket_or_nowhere_is_no_405() -> None:
    async with attacked() as scene:
        for method in METHODS:
            assert (await fetch(scene.port, "/ws", method)).status in (405, 426)
            assert (await fetch(scene.port, "/nothing", method)).status == 404


async def test_head_is_get_without_a_body_everywhere() -> None:
    async with attacked() as scene:
        for path in (*PATHS, "/nothing", "/ws"):
            get, head = await fetch(scene.port, path), await fetch(scene.port, path, "HEAD")
            assert (head.status, head.body) == (get.status, b"")
            assert head.headers.keys() == get.headers.keys()
            if path != "/readyz":  # says how long a reply has been silent, and the bystander is served meanwhile
                assert head.headers.get("content-length") == get.headers.get("content-length")


async def test_an_upgrade_over_http_1_0_is_refused() -> None:
    async with attacked() as scene:
        request = upgrade(KEY).replace(b"HTTP/1.1", b"HTTP/1.0")
        assert _status(await exchange(scene.port, request)) in (400, 426, 505)


async def test_http_1_0_is_answered_without_a_host() -> None:
    async with attacked() as scene:
        assert _status(await exchange(scene.port, b"GET /healthz HTTP/1.0\r\n\r\n")) == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1e3\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"GET  /healthz  HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
        b"GET /health\xffz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"get\x00 /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /healthz\r\n\r\n",
    ],
    ids=[
        "no host",
        "two hosts",
        "two lengths",
        "a length below zero",
        "a length of words",
        "an unknown coding",
        "two spaces",
        "a space before the colon",
        "a folded line at first",
        "a NUL",
        "a byte that is no ASCII",
        "half an IPv6 address",
        "a NUL in the method",
        "an unknown version",
        "HTTP/0.9",
    ],
)
async def test_a_request_that_is_wrong_is_refused_with_a_status(request_: bytes) -> None:
    async with attacked() as scene:
        assert _status(await exchange(scene.port, request_)) in (400, 405, 501, 505)
        assert (await fetch(scene.port, "/healthz")).status == 200


async def test_a_body_is_not_waited_for() -> None:
    async with attacked() as scene:
        for body in (b"Content-Length: 1000000000\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n"):
            answer = await exchange(scene.port, b"POST /healthz HTTP/1.1\r\nHost: a\r\n" + body + b"\r\n")
            assert _status(answer) == 405
            answer = await exchange(scene.port, b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + body + b"\r\n")
            assert _status(answer) in (200, 400)


async def test_of_requests_sent_at_once_the_first_is_answered_and_the_connection_closed() -> None:
    async with attacked() as scene:
        request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        for second in (request, b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", upgrade(KEY), b"nonsense" * 1000):
            answer = await exchange(scene.port, request + second)
            assert answer.count(b"HTTP/1.1 ") == 1
            assert _status(answer) == 200
            assert b"\r\nConnection: close\r\n" in answer
            assert answer.endswith(b'{"status":"ok"}')


async def test_the_answer_reaches_whoever_sent_more_than_was_read() -> None:
    async with attacked() as scene:
        answer = await exchange(scene.port, b"POST /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + b"a" * 300_000)
        assert _status(answer) == 405


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://a/healthz", 200),
        ("http://a:80/healthz?x=1", 200),
        ("http://a", 200),
        ("http://a/nothing", 404),
        ("/healthz?", 200),
        ("/healthz#x", 200),
        ("/healthz%00", 404),
        ("/%2e%2e/healthz", 404),
        ("//healthz", 404),
        ("/healthz/", 404),
        ("/healthz;x", 404),
        ("*", 404),
        ("a:443", 404),
        ("/" + "a" * 8000, 404),
        ("/readyz?" + "&".join(f"a{number}=b" for number in range(1000)), 200),
    ],
)
async def test_targets_in_every_form(target: str, status: int) -> None:
    async with attacked() as scene:
        reply = await fetch(scene.port, target)
        assert reply.status in (status, 400)
        assert reply.status != 400 or status != 200 or target.startswith("/healthz#") or "&" in target


async def test_an_encoded_path_is_the_path() -> None:
    async with attacked() as scene:
        assert (await fetch(scene.port, "/%68ealthz")).status in (200, 404)


async def test_a_websocket_is_found_in_every_form_of_its_target() -> None:
    async with attacked() as scene:
        for target in ("/ws", "/ws?", "http://127.0.0.1/ws"):
            async with dialled(scene.port) as raw:
                await raw.send(upgrade(KEY, path=target))
                assert (await raw.through()).startswith(b"HTTP/1.1 101 "), target


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Sec-WebSocket-Key", "short"),
        ("Sec-WebSocket-Key", ""),
        ("Sec-WebSocket-Key", "not base64 at all!!!!!!!!"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Version", "13, 8"),
        ("Upgrade", "h2c"),
        ("Connection", "keep-alive"),
    ],
)
async def test_a_handshake_that_is_wrong_is_refused_over_http(name: str, value: str) -> None:
    async with attacked() as scene:
        headers = [*((header, value if header == name else good) for header, good in UPGRADE), ("X-API-Key", KEY)]
        reply = await fetch(scene.port, "/ws", headers=headers)
        assert reply.status in (400, 426)
        assert WRONG_KEY not in str(reply)


async def test_an_upgrade_with_a_body_or_another_method_is_refused() -> None:
    async with attacked() as scene:
        for method in ("POST", "HEAD", "CONNECT", "get"):
            answer = await exchange(scene.port, upgrade(KEY).replace(b"GET", method.encode(), 1))
            assert _status(answer) in (400, 404, 405, 426), method
