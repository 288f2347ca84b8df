"""Clients that go, that read slowly, and of whom nothing comes any more."""

from contextlib import suppress

import trio

from tests.attacks.raw import Raw, dialled
from tests.chaos.crowd import seated, vanish
from tests.chaos.scenario import Scenario, Scene
from tests.chaos.servers import PING_INTERVAL_S, SEND_TIMEOUT_S, chat
from tests.e2e.breaking import GREEDY
from tests.e2e.client import PROMPT, Client
from tests.e2e.figures_page import read_page
from tooling.benchmarks.bystander.frames import TEXT, message, upgrade

SLOW_READERS = 16
GONE = 16
FEW_BYTES = 4096
KEY = "k-1"
LIMIT_S = 120.0


async def _vanish(scene: Scene) -> None:
    before = await read_page(scene.server.port)
    async with seated(scene.server.port, scene.servers.clients, vanish) as crowd:
        scene.fault()
        await crowd.all_done(LIMIT_S)
    scene.note(
        f"{crowd.speaking} clients came at once, {crowd.came_again} times one was told to come again; "
        f"all were gone within {scene.since():.2f} s, each in the middle of its reply"
    )
    await scene.works_again()
    page = await read_page(scene.server.port)
    accepted = page.sum("requests_accepted_total") - before.sum("requests_accepted_total")
    assert accepted == scene.servers.clients + 1, f"{accepted} turns accepted"


async def _slow(scene: Scene) -> None:
    """Who never reads is shown out; who reads slowly gets every frame; a bystander notices nothing."""
    ends: list[float] = []

    async def never_reads(number: int) -> None:
        async with dialled(scene.server.port, receive_buffer=FEW_BYTES) as raw:
            await _begin(raw, f"never-{number}")
            ask = message("ping", "p" * 120, {}) * 50
            with trio.move_on_after(LIMIT_S), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                while True:
                    await raw.stream.send_all(ask)
            ends.append(scene.since())

    async with seated(scene.server.port, SLOW_READERS, _reads_slowly) as crowd:
        scene.fault()
        async with trio.open_nursery() as nursery:
            for number in range(SLOW_READERS):
                nursery.start_soon(never_reads, number)
            await scene.works_again()
            await crowd.all_done(LIMIT_S)
        scene.all_told()
    assert max(ends) < LIMIT_S, "one that reads nothing was kept"
    scene.note(
        f"{SLOW_READERS} that never read were cut off within {max(ends):.1f} s (WS_SEND_TIMEOUT_S={SEND_TIMEOUT_S:g}); "
        f"{SLOW_READERS} that read slowly lost nothing"
    )


async def _reads_slowly(client: Client) -> None:
    for _ in range(20):
        await trio.sleep(0.2)
        assert (await client.frame())["type"] == "token"
    await client.say("cancel", "r-1")
    assert (await client.rest())[-1]["type"] in ("cancelled", "done")


async def _half_open(scene: Scene) -> None:
    """Peers of whom nothing comes any more: they read nothing, answer no ping, and never say goodbye."""
    gone_at: list[float] = []

    async def goes(number: int, ready: trio.Event) -> None:
        async with dialled(scene.server.port, receive_buffer=FEW_BYTES) as raw:
            await _begin(raw, f"gone-{number}")
            if number % 2:
                await raw.send(message("cancel", "r-1", {}))  # silent in the end, and nothing is under way
            ready.set()
            with trio.move_on_after(LIMIT_S):
                await scene_over.wait()

    scene_over = trio.Event()
    async with trio.open_nursery() as nursery:
        readies = [trio.Event() for _ in range(GONE)]
        for number, ready in enumerate(readies):
            nursery.start_soon(goes, number, ready)
        for ready in readies:
            await ready.wait()
        scene.fault()
        await scene.works_again()
        with trio.fail_after(LIMIT_S):
            while (await read_page(scene.server.port)).sum("active_connections"):
                await trio.sleep(0.05)
        gone_at.append(scene.since())
        scene.all_told()
        scene_over.set()
    scene.note(
        f"{GONE} half-open sockets, half of them in a reply, were closed within {gone_at[0]:.1f} s "
        f"(WS_PING_INTERVAL_S={PING_INTERVAL_S:g}, WS_SEND_TIMEOUT_S={SEND_TIMEOUT_S:g})"
    )


async def _begin(raw: Raw, name: str) -> None:
    """A turn whose first text has come."""
    await raw.send(upgrade(KEY))
    await raw.through()
    payload = {"chat_prompt": PROMPT, "user_utterance": "tell me a story", "sampling": GREEDY}
    await raw.send(message("start", "r-1", payload))
    while (frame := await raw.frame(LIMIT_S))[0] != TEXT or b'"type":"token"' not in frame[1]:
        assert frame[0] != 0, f"{name} was shown out"


VANISH = Scenario(
    name="vanish",
    what="every client of a crowd vanishes in the middle of its reply",
    act=_vanish,
    house=chat,
    rounds=3,
)
SLOW = Scenario(
    name="slow-readers", what="clients that read slowly, and clients that never read", act=_slow, house=chat
)
HALF_OPEN = Scenario(
    name="half-open", what="peers that are gone without a word, talked to and silent", act=_half_open, house=chat
)

__all__ = ["HALF_OPEN", "SLOW", "VANISH"]
