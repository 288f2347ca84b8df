"""Every client against every fault: it ends within its limits, exits with what it should, and says what broke.

All cells of the matrix run in one loop on a virtual clock, so that a client waits its minutes out in no time; the
sockets are real.
"""

from collections.abc import Sequence
from functools import cache

import pytest
import trio

from tests.tooling.clients.cells import Ran
from tests.tooling.clients.faulty import doors, lives, turns
from tests.tooling.clients.faulty.fault import Fault
from tests.tooling.clients.faulty.host import Manners, hosting
from tests.tooling.clients.live_cells import lived, no_keyboard
from tests.tooling.clients.programs import LIMITS, PROGRAMS, run_named, virtually

HUNG_S = 1500.0
AT_ONCE = 100
FAULTS = (*turns.FAULTS, *doors.FAULTS, *lives.FAULTS)
GOOD = {
    "a good server": Manners(),
    "one byte at a time": Manners(drips=True),
}
LIVE = "live"
MENDED_BY_TRYING_AGAIN = ("server_busy", "rate_limited")
Cell = tuple[str, str]


def concerned(fault: Fault) -> Sequence[str]:
    """`live` stays where others fail: it is told so, and another turn may be better."""
    if fault.clients:
        return fault.clients
    everybody = (*PROGRAMS, LIVE) if fault.name not in MENDED_BY_TRYING_AGAIN else tuple(PROGRAMS)
    return [name for name in everybody if name != "idle" or fault.exit == 3]


CELLS = [(fault.name, name) for fault in FAULTS for name in concerned(fault)]


async def _run(client: str, server: Fault | Manners) -> Ran | None:
    with trio.move_on_after(HUNG_S):
        async with hosting(server.server if isinstance(server, Fault) else server) as host:
            url = host.url.replace("ws", server.scheme if isinstance(server, Fault) else "ws", 1)
            return await (lived(url, LIMITS) if client == LIVE else run_named(client, url))
    return None


@cache
def matrix() -> dict[Cell, Ran | None]:
    """Every cell's outcome; None for one that did not end."""
    found: dict[Cell, Ran | None] = {}
    servers = {fault.name: fault for fault in FAULTS} | GOOD
    cells = [*CELLS, *((name, client) for name in GOOD for client in (*PROGRAMS, LIVE))]

    async def run(places: trio.CapacityLimiter, cell: Cell) -> None:
        async with places:
            found[cell] = await _run(cell[1], servers[cell[0]])

    async def everything() -> None:
        places = trio.CapacityLimiter(AT_ONCE)
        async with trio.open_nursery() as nursery:
            for cell in cells:
                nursery.start_soon(run, places, cell)

    with no_keyboard():
        virtually(everything)
    return found


@pytest.mark.parametrize(("fault", "client"), CELLS)
def test_a_fault_is_found_named_and_told(fault: str, client: str) -> None:
    expected = next(one for one in FAULTS if one.name == fault)
    outcome = matrix()[fault, client]
    assert outcome is not None, "it did not end"
    assert "Traceback" not in outcome.err
    assert expected.kind_for(client) in outcome.kinds, outcome.err
    assert outcome.code == expected.exit, outcome.err
    if client == LIVE:
        assert outcome.last.startswith("live: ")
        return
    told = outcome.document
    assert (told["ok"], told["exit_code"]) == (False, expected.exit)
    assert outcome.last.startswith("✗ FAIL "), outcome.err
    assert any(failure["detail"] in outcome.last or failure["kind"] in outcome.last for failure in told["failures"])


@pytest.mark.parametrize("client", [*PROGRAMS, LIVE])
@pytest.mark.parametrize("server", GOOD)
def test_a_good_server_passes(server: str, client: str) -> None:
    outcome = matrix()[server, client]
    assert outcome is not None, "it did not end"
    assert outcome.code == 0, outcome.err
    assert not outcome.kinds


def test_no_two_faults_share_a_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
