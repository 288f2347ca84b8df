"""Every client by name, with flags that make its run short, and a virtual clock to run many of them on."""

import os
import tomllib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from tempfile import TemporaryDirectory
from typing import TypeVar
from unittest.mock import patch

import trio
from trio.testing import MockClock

from tests.tooling.clients.cells import NOTHING, Ran, ran, streams_apart
from tests.tooling.clients.crew_in_loop import CrewInLoop
from tests.tooling.clients.faulty.host import IDLE_S
from tooling.clients.bench import running
from tooling.clients.bench.__main__ import BENCH
from tooling.clients.cancel.__main__ import CLIENT as CANCEL
from tooling.clients.conversation import CLIENT as CONVERSATION
from tooling.clients.history.__main__ import CLIENT as HISTORY
from tooling.clients.idle.__main__ import CLIENT as IDLE
from tooling.clients.program import Client, Interruption
from tooling.clients.tool.__main__ import CLIENT as TOOL
from tooling.clients.vision import CLIENT as VISION
from tooling.clients.warmup import CLIENT as WARMUP

T = TypeVar("T")
QUIET_S = 0.02
"""Real seconds without anything to do before the virtual clock moves: what was sent has long arrived by then."""
PROGRAMS: Mapping[str, tuple[Client, Sequence[str]]] = {
    "cancel": (CANCEL, ("--clients", "2", "--timeout", "10")),
    "warmup": (WARMUP, ("--double-ttfb",)),
    "conversation": (CONVERSATION, ()),
    "vision": (VISION, ()),
    "history": (HISTORY, ()),
    "bench": (BENCH, ("-n", "2", "-c", "2", "--timeout", "20")),
    "tool": (TOOL, ("--limit", "2")),
    "idle": (IDLE, ("--idle-expect-seconds", f"{IDLE_S:g}", "--idle-grace-seconds", "10")),
}
TALKING = tuple(name for name in PROGRAMS if name != "idle")
LIMITS = {"RECV_TIMEOUT_SEC": "10", "TEST_WS_PING_INTERVAL": "8", "TEST_WS_PING_TIMEOUT": "8"}


async def run_named(
    name: str,
    server: str,
    *argv: str,
    environ: Mapping[str, str] = NOTHING,
    interruption: Interruption = trio.sleep_forever,
) -> Ran:
    """Run that client with `--json`; `together` must hold."""
    client, flags = PROGRAMS[name]
    around = {**LIMITS, "YAP_HOME": _HOMES[-1], **environ}
    return await ran(client, [*flags, *argv, "--json"], server, around, interruption=interruption)


def virtually(everything: Callable[[], Awaitable[T]]) -> T:
    """Run that on a virtual clock, with `together` around it."""
    with together():
        return trio.run(everything, clock=MockClock(autojump_threshold=QUIET_S))


_HOMES: list[str] = [os.devnull]


@contextmanager
def together() -> Iterator[None]:
    """What many clients in one process need: streams apart, a home for results, and no work done over and over."""
    # Texts that are read once cost a third of the time less.
    texts, crew = patch.object(tomllib, "loads", cache(tomllib.loads)), patch.object(running, "Crew", CrewInLoop)
    with streams_apart(), TemporaryDirectory() as home, texts, crew:
        _HOMES.append(home)
        try:
            yield
        finally:
            _HOMES.pop()


__all__ = ["LIMITS", "PROGRAMS", "TALKING", "run_named", "together", "virtually"]
