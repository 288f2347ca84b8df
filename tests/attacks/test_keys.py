"""Keys, the throttle on wrong ones, proxies, and subprotocols. Protocol, sections 1 and 3; cases W1 and W4."""

import base64

import pytest

from tests.attacks.raw import Pairs, dialled, upgraded
from tests.attacks.scene import KEY, WRONG_KEY, attacked
from tests.e2e.plain import UPGRADE, fetch
from tooling.benchmarks.bystander.frames import message, upgrade

MOST = 3
ELSEWHERE = "127.0.0.9"
PROXY = "127.0.0.7"


async def _status(port: int, key: str | None, extra: Pairs = (), source: str = "127.0.0.1") -> int:
    """The status that a handshake gets; whoever is let in without a right key is told so."""
    async with dialled(port, source=source) as raw:
        await raw.send(upgrade(key, extra))
        head = await raw.through()
        if head.startswith(b"HTTP/1.1 101 ") and key != KEY:
            assert (await raw.answer())["payload"]["code"] == "authentication_failed"
        return int(head.split()[1])


async def _fail_often(port: int, extra: Pairs = (), source: str = "127.0.0.1") -> None:
    for _ in range(MOST + 1):
        assert await _status(port, WRONG_KEY, extra, source) == 101


async def _is_let_in(port: int, extra: Pairs = (), source: str = "127.0.0.1") -> bool:
    async with upgraded(port, KEY, extra, source=source) as raw:
        await raw.send(message("ping", "p-1", {}))
        return bool((await raw.answer())["type"] == "pong")


async def test_a_right_key_always_passes_and_further_wrong_ones_are_429() -> None:
    async with attacked(AUTH_MAX_FAILURES=str(MOST)) as scene:
        await _fail_often(scene.port)
        for _ in range(5):
            assert await _status(scene.port, WRONG_KEY) == 429
            assert await _status(scene.port, None) == 429
            assert await _is_let_in(scene.port)
        assert await _is_let_in(scene.port, [("Authorization", f"Bearer {KEY}")])


async def test_which_model_is_served_is_told_to_those_who_are_let_in() -> None:
    async with attacked() as scene:
        told = {}
        for key in (KEY, WRONG_KEY, None):
            async with dialled(scene.port) as raw:
                await raw.send(upgrade(key, ()))
                told[key] = b"x-model" in (await raw.through()).lower()
        assert told == {KEY: True, WRONG_KEY: False, None: False}


async def test_a_right_key_beside_a_wrong_one_is_a_wrong_one() -> None:
    async with attacked(AUTH_MAX_FAILURES=str(MOST)) as scene:
        both = [("Authorization", f"Bearer {WRONG_KEY}")]
        for _ in range(MOST + 1):
            async with upgraded(scene.port, KEY, both) as raw:
                assert (await raw.ended(answers=True)).reason_codes == ["invalid_key"]
        assert (await fetch(scene.port, "/ws", headers=[*UPGRADE, ("X-API-Key", KEY), *both])).status == 429


async def test_every_refusal_is_429_with_words_and_a_time() -> None:
    async with attacked(AUTH_MAX_FAILURES=str(MOST), AUTH_FAILURE_WINDOW_S="7") as scene:
        await _fail_often(scene.port)
        reply = await fetch(scene.port, "/ws", headers=[*UPGRADE, ("X-API-Key", WRONG_KEY)])
        assert reply.status == 429
        assert 1 <= int(reply.headers["retry-after"]) <= 7
        assert "error" in reply.json
        assert WRONG_KEY not in str(reply)


async def test_failures_of_one_address_are_not_held_against_another() -> None:
    async with attacked(AUTH_MAX_FAILURES=str(MOST)) as scene:
        await _fail_often(scene.port)
        assert await _status(scene.port, WRONG_KEY, source=ELSEWHERE) == 101


async def test_a_header_that_anybody_can_send_is_believed_of_nobody() -> None:
    async with attacked(AUTH_MAX_FAILURES=str(MOST)) as scene:
        for number in range(MOST + 1):
            assert await _status(scene.port, WRONG_KEY, [("X-Forwarded-For", f"10.0.0.{number}")]) == 101
        assert await _status(scene.port, WRONG_KEY, [("X-Forwarded-For", "10.0.0.99")]) == 429


@pytest.mark.parametrize("trusted", [PROXY, "127.0.0.7/32", "10.0.0.0/8, 127.0.0.4/30", "::1,127.0.0.7"])
async def test_behind_a_trusted_proxy_the_peer_is_the_client(trusted: str) -> None:
    async with attacked(AUTH_MAX_FAILURES=str(MOST), TRUSTED_PROXIES=trusted) as scene:
        one, two = [("X-Forwarded-For", "203.0.113.1")], [("X-Forwarded-For", "203.0.113.2")]
        await _fail_often(scene.port, one, PROXY)
        assert await _status(scene.port, WRONG_KEY, one, PROXY) == 429
        assert await _status(scene.port, WRONG_KEY, two, PROXY) == 101
        assert await _is_let_in(scene.port, one, PROXY)


@pytest.mark.parametrize(
    "forwarded",
    [
        [("X-Forwarded-For", "203.0.113.1")],
        [("X-Forwarded-For", "198.51.100.9, 203.0.113.1")],
        [("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-For", "203.0.113.1")],
        [("X-Forwarded-For", "203.0.113.1, 127.0.0.6, 127.0.0.7")],
        [("X-Forwarded-For", "127.0.0.7,198.51.100.9,  203.0.113.1  ")],
        [("X-Forwarded-For", "rubbish, 203.0.113.1")],
    ],
    ids=["alone", "behind a claim", "in two lines", "two proxies", "untidy", "behind rubbish"],
)
async def test_the_peer_is_the_rightmost_address_that_is_no_trusted_proxy(forwarded: Pairs) -> None:
    async with attacked(AUTH_MAX_FAILURES=str(MOST), TRUSTED_PROXIES="127.0.0.6/31") as scene:
        await _fail_often(scene.port, forwarded, PROXY)
        assert await _status(scene.port, WRONG_KEY, [("X-Forwarded-For", "203.0.113.1")], PROXY) == 429
        assert await _status(scene.port, WRONG_KEY, [("X-Forwarded-For", "203.0.113.2")], PROXY) == 101


@pytest.mark.parametrize(
    "value", ["", "rubbish", "1.2.3", "127.0.0.7", ", ,", "unknown", "x" * 5000, "203.0.113.1:5000"]
)
async def test_a_trusted_proxy_s_header_that_names_nobody_never_locks_out_a_right_key(value: str) -> None:
    async with attacked(AUTH_MAX_FAILURES=str(MOST), TRUSTED_PROXIES=PROXY) as scene:
        header = [("X-Forwarded-For", value)]
        for _ in range(MOST + 3):
            assert await _status(scene.port, WRONG_KEY, header, PROXY) in (101, 429)
        assert await _is_let_in(scene.port, header, PROXY)


@pytest.mark.parametrize(
    ("offered", "echoed"),
    [
        (["realtime"], "realtime"),
        (["realtime, openai-insecure-api-key.k-marked"], "realtime"),
        (["openai-insecure-api-key.k-marked, realtime"], "realtime"),
        (["openai-insecure-api-key.k-marked", "realtime, chat"], "realtime"),
        (["bearer.k-marked, chat"], "chat"),
        (["Bearer-k-marked,AUTHORIZATION.k-marked , chat.v2"], "chat.v2"),
        (["authorization.bearer.k-marked"], None),
        (["openai-insecure-API-KEY.k-marked"], None),
        ([], None),
    ],
)
async def test_the_first_subprotocol_without_a_key_is_echoed(offered: list[str], echoed: str | None) -> None:
    async with attacked() as scene, dialled(scene.port) as raw:
        await raw.send(upgrade(KEY, [("Sec-WebSocket-Protocol", value) for value in offered]))
        head = (await raw.through()).decode()
        assert head.startswith("HTTP/1.1 101 ")
        lines = [line for line in head.split("\r\n") if line.lower().startswith("sec-websocket-protocol:")]
        assert [line.split(":", 1)[1].strip() for line in lines] == ([echoed] if echoed else [])
        await raw.send(message("ping", "p-1", {}))
        assert (await raw.answer())["type"] == "pong"


@pytest.mark.parametrize("value", ["", ",", "a b", "a\tb", "é", "a,,b", '"quoted"', "a" * 20_000])
async def test_subprotocols_that_are_no_tokens_break_nothing(value: str) -> None:
    async with attacked() as scene, dialled(scene.port) as raw:
        request = upgrade(KEY, [("Sec-WebSocket-Protocol", value)])
        await raw.send(request)
        head = await raw.through()
        assert head.split()[1] in (b"101", b"400"), head[:100]


async def test_keys_of_every_shape_are_refused_without_a_word_of_them() -> None:
    shapes: list[Pairs] = [
        [("X-API-Key", WRONG_KEY * 500)],
        [("X-API-Key", "\x7f" + WRONG_KEY)],
        [("X-API-Key", "é" + WRONG_KEY)],
        [("Authorization", "Bearer")],
        [("Authorization", f"Basic {base64.b64encode(WRONG_KEY.encode()).decode()}")],
        [("Authorization", f"Bearer {WRONG_KEY} {KEY}")],
        [("X-API-Key", KEY), ("X-API-Key", WRONG_KEY)],
    ]
    async with attacked(AUTH_MAX_FAILURES="0") as scene:
        for shape in shapes:
            async with dialled(scene.port) as raw:
                await raw.send(upgrade(None, shape))
                head = await raw.through()
                if head.startswith(b"HTTP/1.1 101 "):
                    end = await raw.ended(answers=True)
                    assert (end.reason_codes, end.code) == (["invalid_key"], 1008)
                    assert WRONG_KEY not in str(end)
                else:
                    assert head.startswith(b"HTTP/1.1 400 ")
