"""The machine runs out of descriptors."""

from contextlib import AsyncExitStack

import trio

from tests.attacks.raw import dialled
from tests.attacks.victim import limit_descriptors, unlimit_descriptors
from tests.chaos.crowd import seated
from tests.chaos.scenario import Scenario, Scene
from tests.chaos.servers import chat
from tests.e2e.client import Client

LISTENERS = 16
STRANGERS = 200
SPARE = 4
LASTS_S = 5.0
LIMIT_S = 60.0


async def _descriptors(scene: Scene) -> None:
    """Who talks is not disturbed; who comes waits outside; afterwards all is as before, without being told."""
    frames: list[int] = []

    async def goes_on(client: Client) -> None:
        before = len(client.seen)
        with trio.move_on_after(LASTS_S):
            while True:
                assert (await client.frame())["type"] == "token"
        frames.append(len(client.seen) - before)
        assert frames[-1] > 0, "its reply stood still"
        await client.say("cancel", "r-1")
        assert (await client.rest())[-1]["type"] == "cancelled"

    restarts = _deaths(scene)
    async with seated(scene.server.port, LISTENERS, goes_on) as crowd:
        limit_descriptors(scene.server, SPARE)
        try:
            async with AsyncExitStack() as stack:
                for _ in range(STRANGERS):
                    await stack.enter_async_context(dialled(scene.server.port))
                await crowd.all_done(LIMIT_S)
        finally:
            unlimit_descriptors(scene.server)
        scene.fault()
        await scene.works_again()
    assert _deaths(scene) == restarts, "the engine was taken for dead"
    scene.note(
        f"{SPARE} descriptors left, {STRANGERS} strangers: {LISTENERS} replies went on for {LASTS_S:g} s, "
        f"{min(frames)} frames or more each"
    )


def _deaths(scene: Scene) -> int:
    return sum(one.get("event") in ("engine.died", "engine.hung") for one in scene.server.records())


DESCRIPTORS = Scenario(
    name="descriptors", what="no descriptor is left while strangers crowd in", act=_descriptors, house=chat
)

__all__ = ["DESCRIPTORS"]
