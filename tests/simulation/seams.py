"""Where the simulation takes hold of a server that knows nothing of it: names of modules, for as long as it runs.

| name | instead |
| --- | --- |
| `runtime.server.open_listeners` | the simulated listener |
| `os.write` as `runtime.websocket.wire` knows it, `trio.lowlevel.wait_writable` | simulated sockets |
| `trio.to_thread.run_sync` | the work is done on the loop, after a drawn time, behind the same limiter |
| `secrets`, request numbers of `actors.session.turn` | drawn from the plan's seed; from 1 |
| `runtime.process._set_aside`, `_forget` | nothing: garbage is the campaign's to collect, which runs many servers |
| `runtime.telemetry.switchboard.watch_lag` | nothing: a loop in virtual time is never late |
| trio's scheduler | its order is drawn from the plan's seed |

None of them is there for the simulation: docs/decisions/0033.
"""

import itertools
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar
from unittest import mock

import trio
from attrs import define, frozen
from trio._core import _run as scheduler

from actors.session import turn
from runtime import process, server
from runtime.telemetry import switchboard
from runtime.websocket import wire
from tests.simulation.sockets import DESCRIPTORS_FROM, Listener, Socket

T = TypeVar("T")
THREAD_S = 0.002
"""The most that work in a thread takes."""


@define(eq=False)
class Sockets:
    """Simulated sockets by descriptor."""

    sockets: list[Socket]

    def write(self, descriptor: int, data: bytes) -> int:
        """`os.write` of one of them."""
        if descriptor < DESCRIPTORS_FROM:
            return os.write(descriptor, data)  # -1: closed
        return self.sockets[descriptor - DESCRIPTORS_FROM].write(data)

    async def wait_writable(self, socket: object) -> None:
        """`trio.lowlevel.wait_writable` of one of them."""
        assert isinstance(socket, Socket)
        await socket.wait_writable()


@frozen
class Dice:
    """`secrets`, as far as turns use it."""

    randbits: Callable[[int], int]


@define(eq=False)
class Threads:
    """`trio.to_thread.run_sync` without a thread."""

    dice: random.Random

    async def run_sync(
        self,
        work: Callable[..., T],
        *args: object,
        limiter: trio.CapacityLimiter | None = None,
        abandon_on_cancel: bool = False,
    ) -> T:
        """What `work` returns, or raises, a little later."""
        async with limiter or trio.CapacityLimiter(1):
            with trio.CancelScope(shield=not abandon_on_cancel):
                await trio.sleep(self.dice.random() * THREAD_S)
            return work(*args)


@contextmanager
def simulated(seed: int, listener: Listener, sockets: list[Socket]) -> Iterator[None]:
    """Everything above, until the block ends."""
    kernel = Sockets(sockets)

    async def open_listeners(_host: str, _port: int) -> Sequence[Listener]:
        await trio.lowlevel.checkpoint()
        return [listener]

    async def watch_nothing(_books: object, _serves: object) -> None:
        await trio.lowlevel.checkpoint()

    replaced: list[tuple[object, str, object]] = [
        (server, "open_listeners", open_listeners),
        (wire, "os", kernel),
        (trio.lowlevel, "wait_writable", kernel.wait_writable),
        (trio.to_thread, "run_sync", Threads(random.Random(f"{seed}:threads")).run_sync),
        (turn, "secrets", Dice(random.Random(f"{seed}:turns").getrandbits)),
        (turn, "_request_numbers", itertools.count(1)),
        (process, "_set_aside", lambda: None),
        (process, "_forget", lambda: None),
        (switchboard, "watch_lag", watch_nothing),
        (scheduler, "_ALLOW_DETERMINISTIC_SCHEDULING", True),
    ]
    with ExitStack() as stack:
        for where, name, instead in replaced:
            stack.enter_context(mock.patch.object(where, name, instead))
        before = scheduler._r.getstate()
        scheduler._r.seed(seed)
        try:
            yield
        finally:
            scheduler._r.setstate(before)


__all__ = ["simulated"]
