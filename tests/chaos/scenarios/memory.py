"""Memory runs out under growing load: the engine's own on a CPU, the device's on a GPU, which a neighbour takes."""

import random
import resource
from contextlib import suppress
from pathlib import Path

import trio
from trio_websocket import ConnectionClosed, HandshakeError

from engines import processes
from tests.chaos.crowd import seated
from tests.chaos.neighbour import PATIENCE_S, Neighbour, neighbour
from tests.chaos.scenario import Scenario, Scene
from tests.chaos.scenarios.engine import LIMIT_S, LISTENERS, dies
from tests.chaos.servers import chat
from tests.e2e.breaking import GREEDY, ends, goes_on
from tests.e2e.client import Client, connected

PRESSING = 64
PROMPT_WORDS = 700
LASTS_S = 8.0
"""How long a neighbour keeps the device's memory: thousands of steps of the engine."""


async def _out_of_memory(scene: Scene) -> None:
    """Of a device, where the engine has one; else of the processes themselves."""
    with neighbour() as other:
        if other.has_device:
            await _device(scene, other)
            return
    # A thread of theirs may die alone, which is a hang.
    await dies(scene, _starve, ("engine.died", "engine.hung"), under=_press)


def _starve(scene: Scene, found: list[processes.Process]) -> None:
    """From now on they get no more memory: as on a machine that has none left, where allocations fail."""
    for process in found:
        pages = int(Path(f"/proc/{process.pid}/statm").read_text("ascii").split()[0])
        limit = pages * resource.getpagesize()
        resource.prlimit(process.pid, resource.RLIMIT_AS, (limit, limit))
        scene.say(f"pid {process.pid} may have no more than the {limit >> 20} MiB of address space that it has")


async def _device(scene: Scene, other: Neighbour) -> None:
    """An engine that has all it needs from the start goes on; one that has not dies, and everybody is told."""
    told: list[float] = []
    given_back = trio.Event()

    async def hears(client: Client) -> None:
        with trio.move_on_after(LASTS_S) as listening:
            end = await ends(client)
        if listening.cancelled_caught:
            await client.say("cancel", "r-1")
            end = await ends(client)
        if end["type"] == "error":
            told.append(scene.since())
            scene.told = told[-1]
        await given_back.wait()
        await goes_on(client)

    lines = len(scene.server.lines)
    async with seated(scene.server.port, LISTENERS, hears) as crowd:
        scene.fault()
        with trio.fail_after(PATIENCE_S):
            taken = await trio.to_thread.run_sync(other.take, abandon_on_cancel=True)
        scene.say(f"a neighbour took the last {taken} MiB of the device")
        crowd.happened.set()
        with trio.move_on_after(LASTS_S):
            await _press(scene.server.port)
            await trio.sleep_forever()
        await trio.to_thread.run_sync(other.leave)
        scene.say("and gave it back")
        await scene.works_again()
        given_back.set()
        await crowd.all_done(LIMIT_S)
    died = [one for one in scene.server.records(lines) if one.get("event") in ("engine.died", "engine.hung")]
    assert len(told) == (LISTENERS if died else 0), f"{len(told)} were told, {len(died)} deaths in the log"
    became = f"all {LISTENERS} were told of the engine's death" if died else f"{LISTENERS} replies went on"
    scene.note(f"a neighbour took the last {taken} MiB of the device for {LASTS_S:g} s: {became}")


async def _press(port: int) -> None:
    """Turns with long prompts that nobody had before, which take memory."""
    async with trio.open_nursery() as nursery:
        for number in range(PRESSING):
            nursery.start_soon(_long, port, number)


async def _long(port: int, number: int) -> None:
    """What becomes of it is no matter."""
    words = random.Random(number)
    prompt = " ".join(words.choice(("river", "boat", "story", "rain", "stop", "walk")) for _ in range(PROMPT_WORDS))
    with suppress(HandshakeError, ConnectionClosed, trio.TooSlowError):
        async with connected(port, session_id=f"presses-{number}") as client:
            await client.say("start", "r-1", {"chat_prompt": prompt, "user_utterance": "go on", "sampling": GREEDY})
            await client.rest()


OUT_OF_MEMORY = Scenario(
    name="out-of-memory",
    what="the engine gets no more memory, under growing load",
    act=_out_of_memory,
    house=chat,
)

__all__ = ["OUT_OF_MEMORY"]
