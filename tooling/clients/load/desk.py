"""A child's side: take a job from standard input, wait for the start, tell records on standard output.

Lines of JSON both ways. In: `{"job": ...}`, then `{"go": moment}`, then `{"order": ...}` as they come; the end of
input means stop. Out: `{"ready": true}`, `{"record": ...}` as they come, at last `{"ended": health}`. A job can hold a
key or texts: it comes through the pipe, not as an argument or in the environment, and of an error only its type and
place leave the process.
"""

import os
import signal
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import trio
from attrs import define, field

from tooling.clients.load.health import Pulse
from tooling.clients.load.pipe import LineReader, Record, line

CRASHED = 70


@define(eq=False)
class Desk:
    """What the work of one process has. `job`: as the parent gave it. `start_at`: the moment of the start by trio's
    clock, the same moment in all processes. `orders`: what the parent says meanwhile.
    """

    job: Mapping[str, Any] = field(repr=False)
    start_at: float
    orders: trio.MemoryReceiveChannel[Record] = field(repr=False)
    _outgoing: trio.MemorySendChannel[Record] = field(repr=False)

    def tell(self, record: Record) -> None:
        """Send a record to the parent. Never waits: telling must not get into the way of what is measured."""
        self._outgoing.send_nowait({"record": record})


Work = Callable[[Desk], Awaitable[None]]
"""What a process does until it is done, or cancelled because the parent wants it to stop; either way it tells first."""


def serve(work: Work) -> int:
    """Be a child: the exit status of the process. Ctrl+C is the parent's to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return trio.run(_serve, work)


async def _serve(work: Work) -> int:
    incoming = LineReader(trio.lowlevel.FdStream(os.dup(0)))
    outgoing, written = trio.open_memory_channel[Record](float("inf"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_write, written, nursery.cancel_scope)
        with outgoing:
            try:
                await _employed(work, incoming, outgoing)
            except Exception as error:  # the barrier of this process
                outgoing.send_nowait({"crashed": _place(error)})
                return CRASHED
    return 0


async def _employed(work: Work, incoming: LineReader, outgoing: trio.MemorySendChannel[Record]) -> None:
    given = await incoming.next()
    outgoing.send_nowait({"ready": True})
    go = await incoming.next()
    if given is None or go is None:  # told to stop before the start
        return
    orders_in, orders = trio.open_memory_channel[Record](float("inf"))
    pulse = Pulse()
    start_at = trio.current_time() + float(go["go"]) - time.monotonic()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse.beat)
        nursery.start_soon(_obey, incoming, orders_in, nursery.cancel_scope)
        await work(Desk(given["job"], start_at, orders, outgoing))
        nursery.cancel_scope.cancel()
    outgoing.send_nowait({"ended": pulse.health().told()})


async def _obey(incoming: LineReader, orders: trio.MemorySendChannel[Record], scope: trio.CancelScope) -> None:
    while (said := await incoming.next()) is not None:
        await orders.send(said["order"])
    scope.cancel()


async def _write(records: trio.MemoryReceiveChannel[Record], scope: trio.CancelScope) -> None:
    out = trio.lowlevel.FdStream(os.dup(1))
    try:
        async for record in records:
            await out.send_all(line(record))
    except trio.BrokenResourceError:  # nobody is left to tell
        scope.cancel()


def _place(error: BaseException) -> str:
    """Type and place of an error: what it says might hold a text or a key."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


__all__ = ["Desk", "Work", "serve"]
