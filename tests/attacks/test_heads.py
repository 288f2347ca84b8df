"""Request heads: too large, too slow, too many at once. Protocol, section 1, nothing unbounded before trust."""

from contextlib import AsyncExitStack

import pytest
import trio

from tests.attacks.raw import Raw, dialled, upgraded
from tests.attacks.scene import KEY, attacked
from tests.e2e.plain import fetch
from tooling.benchmarks.bystander.frames import message, upgrade

HEAD_PATIENCE_S = 10.0
PENDING = 8
PROBE = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 17_000 + b"\r\n",
        b"GET /ws?api_key=" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Endless: " + b"a" * 100_000,
        upgrade(KEY, [("Cookie", "a=" + "b" * 100_000)]),
    ],
    ids=["one line", "many lines", "a query", "no end", "an upgrade with cookies"],
)
async def test_a_head_of_100_kB_is_told_that_it_is_too_large(head: bytes) -> None:
    async with attacked() as scene, dialled(scene.port) as raw:
        await raw.send(head)
        answer = await raw.everything()
        assert answer.startswith(b"HTTP/1.1 431 "), answer[:100]
        assert answer.partition(b"\r\n\r\n")[2].startswith(b'{"error":')


async def test_ordinary_heads_of_browsers_and_proxies_are_read() -> None:
    cookies = "; ".join(f"cookie-{number}={'v' * 90}" for number in range(80))
    async with attacked() as scene:
        assert (await fetch(scene.port, "/healthz", headers=[("Cookie", cookies)])).status == 200
        async with upgraded(scene.port, KEY, [("Cookie", cookies)]) as raw:
            await raw.send(message("ping", "p-1", {}))
            assert (await raw.answer())["type"] == "pong"


async def test_a_head_may_come_byte_by_byte() -> None:
    async with attacked() as scene, dialled(scene.port) as raw:
        for byte in upgrade(KEY):
            await raw.send(bytes((byte,)))
            await trio.sleep(0.001)
        assert (await raw.through()).startswith(b"HTTP/1.1 101 ")


async def test_a_head_is_waited_for_ten_seconds_however_busily_it_trickles() -> None:
    async with attacked() as scene, dialled(scene.port) as silent, dialled(scene.port) as busy:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_trickle, busy)
            await busy.everything(HEAD_PATIENCE_S + 5)
            await silent.everything(5)
            nursery.cancel_scope.cancel()
        assert HEAD_PATIENCE_S - 1 < trio.current_time() - began < HEAD_PATIENCE_S + 5


async def _trickle(raw: Raw) -> None:
    await raw.send(b"GET / HTTP/1.1\r\nX: ")
    while True:
        await raw.send(b"a")
        await trio.sleep(0.2)


async def _crowd(stack: AsyncExitStack, port: int, count: int, begun: bytes = b"GET /ws HTTP/1.1\r\n") -> list[Raw]:
    crowd = []
    for _ in range(count):
        raw = await stack.enter_async_context(dialled(port))
        await raw.send(begun)
        crowd.append(raw)
    return crowd


async def _is_over(raw: Raw, within_s: float) -> bool:
    with trio.move_on_after(within_s):
        await raw.everything(within_s + 1)
        return True
    return False


async def test_when_too_many_wait_the_one_with_the_oldest_unfinished_head_goes() -> None:
    async with attacked(WS_MAX_PENDING=str(PENDING)) as scene, AsyncExitStack() as stack:
        crowd = await _crowd(stack, scene.port, PENDING)
        await trio.sleep(0.1)
        assert not await _is_over(crowd[0], 0.1), "so many may wait"
        await _crowd(stack, scene.port, 2)
        assert await _is_over(crowd[0], 3)
        assert await _is_over(crowd[1], 3)
        assert not await _is_over(crowd[2], 0.2), "no more than is needed goes"


async def test_health_probes_and_clients_come_through_a_crowd_of_slow_heads() -> None:
    async with attacked(WS_MAX_PENDING=str(PENDING)) as scene, AsyncExitStack() as stack:
        await _crowd(stack, scene.port, 10 * PENDING)
        for _ in range(2 * PENDING):
            assert (await fetch(scene.port, "/healthz")).status == 200
            assert (await fetch(scene.port, "/readyz")).status == 200
        async with upgraded(scene.port, KEY) as raw:
            await raw.send(message("ping", "p-1", {}))
            assert (await raw.answer())["type"] == "pong"


async def test_connections_that_say_nothing_at_all_count_as_well() -> None:
    async with attacked(WS_MAX_PENDING=str(PENDING)) as scene, AsyncExitStack() as stack:
        crowd = await _crowd(stack, scene.port, 5 * PENDING, b"")
        assert (await fetch(scene.port, "/healthz")).status == 200
        for raw in crowd[:PENDING]:
            assert await _is_over(raw, 3)


async def test_the_crowd_takes_no_more_tasks_and_descriptors_than_may_wait() -> None:
    async with attacked(WS_MAX_PENDING=str(PENDING)) as scene, AsyncExitStack() as stack:
        before = trio.lowlevel.current_statistics().tasks_living
        await _crowd(stack, scene.port, 10 * PENDING)
        await fetch(scene.port, "/healthz")
        with trio.fail_after(5):
            while trio.lowlevel.current_statistics().tasks_living > before + 3 * (PENDING + 2):
                await trio.sleep(0.01)


async def test_refused_strangers_who_stay_count_too() -> None:
    """Whoever was refused holds no slot and lingers: many of them must not keep a client or a probe out."""
    async with attacked(WS_MAX_PENDING=str(PENDING), AUTH_MAX_FAILURES="0") as scene, AsyncExitStack() as stack:
        for _ in range(3 * PENDING):
            raw = await stack.enter_async_context(dialled(scene.port))
            await raw.send(upgrade(None))
        assert (await fetch(scene.port, "/healthz")).status == 200
        async with upgraded(scene.port, KEY) as raw:
            await raw.send(message("ping", "p-1", {}))
            assert (await raw.answer())["type"] == "pong"


async def test_probes_that_never_read_their_answer_are_gone_in_time() -> None:
    async with attacked(WS_MAX_PENDING=str(PENDING)) as scene, AsyncExitStack() as stack:
        await _crowd(stack, scene.port, 3 * PENDING, PROBE)
        assert (await fetch(scene.port, "/healthz")).status == 200
