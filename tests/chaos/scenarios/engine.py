"""The engine's process is killed, or stands still, while clients hear their replies."""

import signal
from collections.abc import Awaitable, Callable
from functools import partial

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
Breaks = Callable[[Scene, list[processes.Process]], None]


def workers(server: Program) -> list[processes.Process]:
    """The engine's processes, the core first: every step is made in them, or leads to them."""
    family = [one for one in server.family() if is_worker_of_vllm(one) or is_worker_of_trt(one)]
    return sorted(family, key=lambda one: one.ticks)


async def dies(
    scene: Scene, breaks: Breaks, reasons: tuple[str, ...], under: Callable[[int], Awaitable[None]] | None = None
) -> None:
    """Whoever hears a reply is told; sessions stay, and go on with the next engine.

    `reasons`: how its death may stand in the log. `under`: a load on the server's port, until all are told.
    """
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
            if under is not None:
                pressing.start_soon(under, scene.server.port)
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


def _send(number: signal.Signals, _scene: Scene, found: list[processes.Process]) -> None:
    processes.send(found[:1], number)


KILLED = Scenario(
    name="core-killed",
    what="the engine's core is killed, as the kernel does when memory runs out",
    act=partial(dies, breaks=partial(_send, signal.SIGKILL), reasons=("engine.died",)),
    house=chat,
)
STOPPED = Scenario(
    name="core-stopped",
    what="the engine's core is stopped for good (SIGSTOP)",
    act=partial(dies, breaks=partial(_send, signal.SIGSTOP), reasons=("engine.hung",)),
    house=chat,
)

__all__ = ["KILLED", "LIMIT_S", "LISTENERS", "STOPPED", "dies", "workers"]
