"""The engine's process is killed, stands still, or gets no more memory, while clients hear their replies."""

import resource
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio

from engines import processes
from engines.trt.workers import is_worker as is_worker_of_trt
from engines.vllm.workers import is_worker as is_worker_of_vllm
from tests.chaos.crowd import seated
from tests.chaos.scenario import Scenario, Scene
from tests.chaos.servers import chat
from tests.e2e.breaking import failed, goes_on
from tests.e2e.client import Client
from tests.e2e.program import Program, assert_gone

LISTENERS = 16
LIMIT_S = 60.0
RESTART_S = 240.0
LONG_PROMPT_CHARS = 12_000


def core(server: Program) -> processes.Process:
    """The process that the engine's steps are made in, or lead to."""
    family = [one for one in server.family() if is_worker_of_vllm(one) or is_worker_of_trt(one)]
    return min(family, key=lambda one: one.ticks)


async def _breaks(scene: Scene, breaks: Callable[[Scene, processes.Process], None], reason: str) -> None:
    """Whoever hears a reply is told; sessions stay, and go on with the next engine."""
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
        victim = core(scene.server)
        scene.fault()
        breaks(scene, victim)
        crowd.happened.set()
        with trio.fail_after(LIMIT_S):
            while len(told) + len(crowd.errors) < LISTENERS:
                await trio.sleep(0.01)
        scene.all_told()
        if not crowd.errors:
            await scene.works_again()
        serves.set()
        await crowd.all_done(LIMIT_S)
    died = [one for one in scene.server.records(lines) if one.get("event") in ("engine.died", "engine.hung")]
    assert len(died) == 1, f"{len(died)} deaths in the log"
    assert died[0]["event"] == reason, died[0]
    assert_gone(family)
    scene.note(f"{LISTENERS} replies ended with engine_error, their sessions went on; log: {died[0]['error'][:120]}")


def _send(number: signal.Signals, _scene: Scene, victim: processes.Process) -> None:
    processes.send([victim], number)


def _starve(scene: Scene, victim: processes.Process) -> None:
    """From now on it gets no more memory: as on a machine that has none left, where allocations fail."""
    pages = int(Path(f"/proc/{victim.pid}/statm").read_text("ascii").split()[0])
    limit = pages * resource.getpagesize()
    resource.prlimit(victim.pid, resource.RLIMIT_AS, (limit, limit))
    scene.say(f"pid {victim.pid} may have no more than the {limit >> 20} MiB of address space that it has")


async def _out_of_memory(scene: Scene) -> None:
    await _breaks(scene, _starve, "engine.died")


KILLED = Scenario(
    name="core-killed",
    what="the engine's core is killed, as the kernel does when memory runs out",
    act=partial(_breaks, breaks=partial(_send, signal.SIGKILL), reason="engine.died"),
    house=chat,
)
STOPPED = Scenario(
    name="core-stopped",
    what="the engine's core is stopped for good (SIGSTOP)",
    act=partial(_breaks, breaks=partial(_send, signal.SIGSTOP), reason="engine.hung"),
    house=chat,
)
OUT_OF_MEMORY = Scenario(
    name="out-of-memory", what="the engine's core gets no more memory under load", act=_out_of_memory, house=chat
)

__all__ = ["KILLED", "OUT_OF_MEMORY", "STOPPED", "core"]
