"""The engine's process is killed, stands still, or gets no more memory, while clients hear their replies."""

import random
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio
from trio_websocket import ConnectionClosed, HandshakeError

from engines import processes
from engines.trt.workers import is_worker as is_worker_of_trt
from engines.vllm.workers import is_worker as is_worker_of_vllm
from tests.chaos.crowd import seated
from tests.chaos.scenario import Scenario, Scene
from tests.chaos.servers import chat
from tests.e2e.breaking import GREEDY, failed, goes_on
from tests.e2e.client import Client, connected
from tests.e2e.program import Program, assert_gone

LISTENERS = 16
LIMIT_S = 60.0
PRESSING = 64
PROMPT_WORDS = 700
Breaks = Callable[[Scene, list[processes.Process]], None]


def workers(server: Program) -> list[processes.Process]:
    """The engine's processes, the core first: every step is made in them, or leads to them."""
    family = [one for one in server.family() if is_worker_of_vllm(one) or is_worker_of_trt(one)]
    return sorted(family, key=lambda one: one.ticks)


async def _breaks(scene: Scene, breaks: Breaks, reasons: tuple[str, ...], presses: bool = False) -> None:
    """Whoever hears a reply is told; sessions stay, and go on with the next engine. `presses`: under a growing load."""
    told: list[float] = []
    serves = trio.Event()

    async def is_told(client: Client) -> None:
        await failed(client)
        told.append(scene.since())
        await serves.wait()
        await goes_on(client)

    family = scene.server.family()
    lines = len(scene.server.lines)
    async with seated(scene.server.port, LISTENERS, is_told) as crowd:
        scene.fault()
        breaks(scene, workers(scene.server))
        crowd.happened.set()
        async with trio.open_nursery() as pressing:
            for number in range(PRESSING if presses else 0):
                pressing.start_soon(_press, scene.server.port, number)
            with trio.fail_after(LIMIT_S):
                while len(told) + len(crowd.errors) < LISTENERS:
                    await trio.sleep(0.01)
            pressing.cancel_scope.cancel()
        scene.all_told()
        if not crowd.errors:
            await scene.works_again()
        serves.set()
        await crowd.all_done(LIMIT_S)
    died = [one for one in scene.server.records(lines) if one.get("event") in ("engine.died", "engine.hung")]
    assert len(died) == 1, f"{len(died)} deaths in the log"
    assert died[0]["event"] in reasons, died[0]
    await trio.to_thread.run_sync(assert_gone, family)
    scene.note(f"{LISTENERS} replies ended with engine_error, their sessions went on; log: {died[0]['error'][:120]}")


async def _press(port: int, number: int) -> None:
    """A turn with a long prompt that nobody had before: it takes memory. What becomes of it is no matter."""
    words = random.Random(number)
    prompt = " ".join(words.choice(("river", "boat", "story", "rain", "stop", "walk")) for _ in range(PROMPT_WORDS))
    with suppress(HandshakeError, ConnectionClosed, trio.TooSlowError):
        async with connected(port, session_id=f"presses-{number}") as client:
            await client.say("start", "r-1", {"chat_prompt": prompt, "user_utterance": "go on", "sampling": GREEDY})
            await client.rest()


def _send(number: signal.Signals, _scene: Scene, found: list[processes.Process]) -> None:
    processes.send(found[:1], number)


def _starve(scene: Scene, found: list[processes.Process]) -> None:
    """From now on they get no more memory: as on a machine that has none left, where allocations fail."""
    for process in found:
        pages = int(Path(f"/proc/{process.pid}/statm").read_text("ascii").split()[0])
        limit = pages * resource.getpagesize()
        resource.prlimit(process.pid, resource.RLIMIT_AS, (limit, limit))
        scene.say(f"pid {process.pid} may have no more than the {limit >> 20} MiB of address space that it has")


KILLED = Scenario(
    name="core-killed",
    what="the engine's core is killed, as the kernel does when memory runs out",
    act=partial(_breaks, breaks=partial(_send, signal.SIGKILL), reasons=("engine.died",)),
    house=chat,
)
STOPPED = Scenario(
    name="core-stopped",
    what="the engine's core is stopped for good (SIGSTOP)",
    act=partial(_breaks, breaks=partial(_send, signal.SIGSTOP), reasons=("engine.hung",)),
    house=chat,
)
OUT_OF_MEMORY = Scenario(
    name="out-of-memory",
    what="the engine's processes get no more memory, under growing load",
    # A thread of theirs may die alone, which is a hang.
    act=partial(_breaks, breaks=_starve, reasons=("engine.died", "engine.hung"), presses=True),
    house=chat,
)

__all__ = ["KILLED", "OUT_OF_MEMORY", "STOPPED", "workers"]
