"""The wall clock jumps by hours, forth and back, under a server that talks."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from tests.chaos.crowd import seated
from tests.chaos.scenario import Scenario, Scene
from tests.chaos.servers import Servers
from tests.chaos.wall_clock import WallClock
from tests.e2e.client import Client, connected
from tests.e2e.figures_page import read_page
from tests.e2e.program import Program

HOUR_S = 3600
JUMPS_S = (6 * HOUR_S, -12 * HOUR_S, 24 * HOUR_S, -72 * HOUR_S, 0)
LISTENERS = 16
LASTS_S = 2.5
"""After each jump."""
LIMIT_S = 90.0
LATENCIES = ("request_latency_seconds", "ttft_seconds", "queue_wait_seconds", "token_latency_seconds")


class Jumpy(Program):
    """A server, engine and all, whose wall clock is `clock`."""

    clock: WallClock


@contextmanager
def jumpy(servers: Servers) -> Iterator[Jumpy]:
    """One whose clock is right so far."""
    clock = WallClock.made(servers.directory)
    program = Jumpy({**servers.environment(WS_IDLE_TIMEOUT_S="60"), **clock.environment})
    program.clock = clock
    with servers.kept(program):
        yield program


async def _clock(scene: Scene) -> None:
    """Replies go on, silent sessions stay, nothing is restarted, and no latency is measured in hours."""
    assert isinstance(scene.server, Jumpy)

    async def goes_on(client: Client) -> None:
        frames = len(client.seen)
        with trio.move_on_after(LASTS_S * len(JUMPS_S)):
            while True:
                assert (await client.frame())["type"] in ("token", "final", "done")
        assert len(client.seen) > frames, "its reply stood still"
        await client.say("cancel", "c-1")
        await client.rest()

    seen: set[str] = set()
    async with connected(scene.server.port, session_id="silent") as silent:
        await silent.answers_pings()
        async with seated(scene.server.port, LISTENERS, goes_on) as crowd:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(crowd.all_done, LIMIT_S)
                for jump in JUMPS_S:
                    scene.server.clock.jump(jump)
                    scene.fault()
                    await scene.works_again()
                    await trio.sleep(LASTS_S)
                    seen |= _days(scene.server)
        await silent.answers_pings()
    page = await read_page(scene.server.port)
    assert page.sum("engine_restarts_total") == 0, "the engine was restarted"
    for name in LATENCIES:
        total = page.sum(f"{name}_sum")
        assert 0 <= total < HOUR_S, f"{name} is {total:g} s in all"
    _log_jumped(seen)
    hours = ", ".join(f"{jump // HOUR_S:+d}" for jump in JUMPS_S)
    scene.note(
        f"off by {hours} hours: {LISTENERS} replies went on, a silent session stayed, nothing was restarted; "
        f"the log's days: {', '.join(sorted(seen))}"
    )
    scene.fault()


def _days(server: Program) -> set[str]:
    return {str(one["timestamp"])[:10] for one in server.records() if "timestamp" in one}


def _log_jumped(days: set[str]) -> None:
    assert len(days) > 1, "the clock never jumped: the log knows of one day only"


CLOCK = Scenario(
    name="wall-clock", what="the wall clock jumps by hours and days, forth and back", act=_clock, house=jumpy
)

__all__ = ["CLOCK"]
