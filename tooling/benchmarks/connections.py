"""`python -m tooling.benchmarks.connections`: what idle connections take, and whether a crowd leaves anything behind.

A server process with a scripted engine. First so many connections that start a turn, stop it and stay silent; then,
with those gone, rounds of connections that start a turn and vanish. Memory, descriptors and threads of the server
before, with the idle ones, and after each.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import trio
from attrs import asdict, define, frozen
from tqdm import tqdm

from tooling.benchmarks.bystander.frames import message, start
from tooling.benchmarks.bystander.peer import Tally, Target, shaken
from tooling.benchmarks.bystander.servers import KEY, Server
from tooling.benchmarks.serving import shape

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 32
"""Connections that are opened side by side: below what the server lets wait."""
ROUNDS = 4
LOOKS = 200
"""Ten a second at the server's descriptors, until they are back."""


@frozen
class State:
    """The server's process at one moment."""

    when: str
    memory_mb: float
    descriptors: int
    threads: int


async def many(one: Callable[[], Awaitable[None]], count: int, what: str) -> None:
    """Do it so often, `AT_ONCE` at a time."""
    limiter = trio.CapacityLimiter(AT_ONCE)
    with tqdm(total=count, desc=what, disable=None) as bar:

        async def limited() -> None:
            async with limiter:
                await one()
            bar.update()

        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(limited)


@define(eq=False)
class Crowd:
    """Clients of one server."""

    server: Server

    @property
    def target(self) -> Target:
        """Where they go."""
        return Target(self.server.port, KEY, Tally())

    def state(self, when: str) -> State:
        """The server's process now."""
        at = Path(f"/proc/{self.server.pid}")
        return State(when, round(self.server.memory_mb(), 1), len(os.listdir(at / "fd")), len(os.listdir(at / "task")))

    async def sit(self, stack: AsyncExitStack) -> None:
        """One connection that stays: a turn, stopped, then silence."""
        peer = await stack.enter_async_context(shaken(self.target))
        await peer.send(message("start", "r", start()) + message("cancel", "r", {}))
        await peer.until(b'"turn":"r"')

    async def vanish(self) -> None:
        """One connection that starts a turn and is gone."""
        async with shaken(self.target) as peer:
            await peer.send(message("start", "r", start()))
            await peer.until(b'"ack"')

    async def until_gone(self, descriptors: int) -> None:
        """Return when the server has no more descriptors than that, or does not let go of them."""
        for _ in range(LOOKS):
            if len(os.listdir(f"/proc/{self.server.pid}/fd")) <= descriptors:
                return
            await trio.sleep(0.1)


async def measure(server: Server, idle: int, churn: int) -> list[State]:
    """The states of the run, in their order."""
    crowd = Crowd(server)
    await many(crowd.vanish, AT_ONCE, "warm-up")
    await trio.sleep(1)
    states = [crowd.state("before")]
    async with AsyncExitStack() as stack:
        await many(partial(crowd.sit, stack), idle, "idle")
        states.append(crowd.state(f"with {idle} idle"))
    await crowd.until_gone(states[0].descriptors)
    states.append(crowd.state("after them"))
    for number in range(1, ROUNDS + 1):
        await many(crowd.vanish, churn, "churn")
        await crowd.until_gone(states[0].descriptors)
        states.append(crowd.state(f"after {number * churn} that vanished"))
    return states


def per_connection_kb(states: Sequence[State], idle: int) -> float:
    """Resident memory that one idle connection took, KiB."""
    return round((states[1].memory_mb - states[0].memory_mb) * 1024 / idle, 1)


def _table(states: Sequence[State], idle: int) -> str:
    lines = ["| | memory MiB | descriptors | threads |", "| --- | --- | --- | --- |"]
    lines += [f"| {each.when} | {each.memory_mb} | {each.descriptors} | {each.threads} |" for each in states]
    return "\n".join([*lines, "", f"{per_connection_kb(states, idle)} KiB an idle connection"])


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run it; the exit status: 1 if the server holds more descriptors in the end than at the beginning."""
    parser = argparse.ArgumentParser(prog="python -m tooling.benchmarks.connections", description=__doc__)
    parser.add_argument("--idle", type=int, default=5000, help="connections that stay (default 5000)")
    parser.add_argument("--churn", type=int, default=1000, help=f"that vanish, {ROUNDS} times (default 1000)")
    parser.add_argument("--root", type=Path, default=ROOT, metavar="DIR", help="another checkout of the project")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args(argv)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # which the server inherits
    with tempfile.TemporaryDirectory(prefix="connections-") as scratch:
        shape.write("8b", Path(scratch))
        settings = {
            "MAX_CONCURRENT_CONNECTIONS": str(options.idle + AT_ONCE),
            "ENGINE_MAX_QUEUED": "4096",
            "WS_IDLE_TIMEOUT_S": "0",
            "APP_LOG_LEVEL": "WARNING",
        }
        server = Server(options.root.resolve(), Path(scratch), environ, settings)
        try:
            server.ready()
            states = trio.run(measure, server, options.idle, options.churn)
        finally:
            server.stop()
    told = {"per_connection_kb": per_connection_kb(states, options.idle), "states": [asdict(each) for each in states]}
    print(json.dumps(told) if options.json else _table(states, options.idle))
    return int(states[-1].descriptors > states[0].descriptors)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
