"""Every client against every fault: it ends within its limits, exits with what it should, and says what broke.

All cells of the matrix run in one loop on a virtual clock, so that a client waits its minutes out in no time; the
sockets are real.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
import trio
from trio.testing import MockClock

from tests.tooling.clients.cells import Ran, ran, streams_apart
from tests.tooling.clients.faulty import doors, lives, turns
from tests.tooling.clients.faulty.fault import Fault
from tests.tooling.clients.faulty.host import IDLE_S, Manners, hosting
from tooling.clients.bench.__main__ import BENCH
from tooling.clients.cancel.__main__ import CLIENT as CANCEL
from tooling.clients.conversation import CLIENT as CONVERSATION
from tooling.clients.history.__main__ import CLIENT as HISTORY
from tooling.clients.idle.__main__ import CLIENT as IDLE
from tooling.clients.load import health
from tooling.clients.program import Client
from tooling.clients.tool.__main__ import CLIENT as TOOL
from tooling.clients.vision import CLIENT as VISION
from tooling.clients.warmup import CLIENT as WARMUP

QUIET_S = 0.02
"""Real seconds without anything to do before the virtual clock moves: what was sent has long arrived by then."""
HUNG_S = 1500.0
AT_ONCE = 100
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
FAULTS = (*turns.FAULTS, *doors.FAULTS, *lives.FAULTS)
GOOD = {
    "a good server": Manners(),
    "one byte at a time": Manners(drips=True),
}
Cell = tuple[str, str]


def concerned(fault: Fault) -> Sequence[str]:
    return fault.clients or (TALKING if fault.exit == 1 else tuple(PROGRAMS))


CELLS = [(fault.name, name) for fault in FAULTS for name in concerned(fault)]


async def _run(client: str, server: Fault | Manners, home: str) -> Ran | None:
    program, flags = PROGRAMS[client]
    with trio.move_on_after(HUNG_S):
        async with hosting(server.server if isinstance(server, Fault) else server) as host:
            url = host.url.replace("ws", server.scheme if isinstance(server, Fault) else "ws", 1)
            return await ran(program, [*flags, "--json"], url, **LIMITS, YAP_HOME=home)
    return None


@cache
def matrix() -> dict[Cell, Ran | None]:
    """Every cell's outcome; None for one that did not end."""
    found: dict[Cell, Ran | None] = {}
    servers = {fault.name: fault for fault in FAULTS} | GOOD
    cells = [*CELLS, *((name, client) for name in GOOD for client in PROGRAMS)]

    async def run(places: trio.CapacityLimiter, cell: Cell) -> None:
        async with places:
            found[cell] = await _run(cell[1], servers[cell[0]], home)

    async def everything() -> None:
        places = trio.CapacityLimiter(AT_ONCE)
        async with trio.open_nursery() as nursery:
            for cell in cells:
                nursery.start_soon(run, places, cell)

    # Texts that are read once cost a third of the time less; bench's pulse would cut a virtual minute into 3,000 steps.
    texts, pulse = patch.object(tomllib, "loads", cache(tomllib.loads)), patch.object(health, "TICK_S", 5.0)
    with streams_apart(), TemporaryDirectory() as home, texts, pulse:
        trio.run(everything, clock=MockClock(autojump_threshold=QUIET_S))
    return found


@pytest.mark.parametrize(("fault", "client"), CELLS)
def test_a_fault_is_found_named_and_told(fault: str, client: str) -> None:
    expected = next(one for one in FAULTS if one.name == fault)
    outcome = matrix()[fault, client]
    assert outcome is not None, "it did not end"
    told = outcome.document
    assert expected.kind_for(client) in outcome.kinds, told["failures"][:3]
    assert outcome.code == expected.exit, outcome.err
    assert (told["ok"], told["exit_code"]) == (False, expected.exit)
    assert outcome.last.startswith("✗ FAIL "), outcome.err
    assert any(failure["detail"] in outcome.last or failure["kind"] in outcome.last for failure in told["failures"])
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("client", PROGRAMS)
@pytest.mark.parametrize("server", GOOD)
def test_a_good_server_passes(server: str, client: str) -> None:
    outcome = matrix()[server, client]
    assert outcome is not None, "it did not end"
    assert outcome.code == 0, outcome.err
    assert (outcome.document["ok"], outcome.document["failures"]) == (True, [])


def test_no_two_faults_share_a_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
