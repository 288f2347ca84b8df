"""What a server stands on: its memory, its descriptors, its engine's processes; before, and after."""

import math
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve, frozen

from engines import processes
from tests.chaos.weighed import KEPT
from tests.e2e.program import Program

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20
SERVER_MAY_GROW_MIB = 16.0
"""Resident memory that a server may have more after a scenario: what malloc keeps, far below what it would lose."""
ROUND_MAY_KEEP = 2500.0
"""Blocks of memory that each round after the first, which fills caches, may leave allocated: five for each of 500
clients, where a session has hundreds. trio's heap of deadlines has up to 4,000 between two of its prunings."""
WEIGHING_S = 60.0
READINGS, READING_EVERY_S = 5, 0.4


@frozen
class Footing:
    """Resident memory in MiB, of the server and of its engine's processes together; the server's descriptors."""

    server_mib: float
    engine_mib: float
    descriptors: int
    family: tuple[processes.Process, ...] = ()

    @classmethod
    def of(cls, server: Program) -> "Footing":
        """Now."""
        family = tuple(server.family())
        return cls(
            resident_mib(server.pid),
            sum(resident_mib(one.pid) for one in family),
            server.descriptors(),
            family,
        )

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        memory = {"server_mib": round(self.server_mib, 1), "engine_mib": round(self.engine_mib, 1)}
        return {**memory, "descriptors": self.descriptors, "processes": len(self.family)}

    def grown(self) -> "Footing":
        """The same, whatever the server's memory will be."""
        return evolve(self, server_mib=math.inf)

    def lacks(self, before: "Footing") -> list[str]:
        """Sentences about what is not back to where it was."""
        found = []
        if self.descriptors > before.descriptors:
            found.append(f"{self.descriptors} descriptors, there were {before.descriptors}")
        grown = self.server_mib - before.server_mib
        if grown > SERVER_MAY_GROW_MIB:
            found.append(f"the server has {grown:.1f} MiB more than before, {SERVER_MAY_GROW_MIB:g} are allowed")
        if len(self.family) > len(before.family):
            found.append(f"{len(self.family)} processes, there were {len(before.family)}")
        return found


def slope(rounds: Sequence[float]) -> float:
    """What each round after the first added; 0 with fewer than two."""
    if len(rounds) < 2:
        return 0.0
    return (rounds[-1] - rounds[0]) / (len(rounds) - 1)


def kept_blocks(server: Program) -> int:
    """Blocks of memory that its objects have after a collection; it is a `tests.chaos.weighed`.

    The least of some readings: what a goodbye still holds for a second is not kept.
    """
    return min(_blocks(server) for _ in range(READINGS))


def _blocks(server: Program) -> int:
    file = Path(server.environment[KEPT])
    file.unlink(missing_ok=True)
    os.kill(server.pid, signal.SIGUSR1)
    deadline = time.monotonic() + WEIGHING_S
    while not file.exists():
        assert time.monotonic() < deadline, "the server did not say how much it keeps"
        time.sleep(0.02)  # noqa: TID251 - a thread's
    blocks = int(file.read_text("ascii"))
    time.sleep(READING_EVERY_S)  # noqa: TID251 - a thread's
    return blocks


def resident_mib(pid: int) -> float:
    """Resident memory of a process; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE_BYTES / MIB
    except (OSError, IndexError):
        return 0.0


__all__ = ["ROUND_MAY_KEEP", "SERVER_MAY_GROW_MIB", "Footing", "kept_blocks", "resident_mib", "slope"]
