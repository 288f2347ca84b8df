"""The processes of one engine, from birth to end: recorded with the guardian, watched, ended by pid."""

import os
import signal
from collections.abc import Callable
from typing import NoReturn

import trio

from engines import processes
from engines.guardian import Guardian
from engines.processes import Process

# How often the process table is looked at while processes come and go, in seconds.
LOOK_S = 0.1
# For a SIGTERM to be obeyed, then for a SIGKILL, in seconds.
_END_S = 1.5


class Family:
    """Every descendant of this process that was born after `begin`.

    `mark`: the environment entry `NAME=value` that they inherit, or empty. `is_vital`: whether the engine is dead
    without a process.
    """

    def __init__(self, mark: str, is_vital: Callable[[Process], bool]) -> None:
        self._is_vital = is_vital
        self._guardian = Guardian(mark)
        self._strangers: frozenset[Process] = frozenset()
        self._known: set[Process] = set()
        self._vital: tuple[Process, ...] = ()

    @property
    def vital(self) -> tuple[Process, ...]:
        """Those without which the engine is dead, once it is settled."""
        return self._vital

    async def begin(self) -> None:
        """Start the guardian; what already runs below us is none of ours."""
        self._strangers = frozenset(await self._find())
        await self._guardian.start()

    async def record(self) -> None:
        """Find new members and put them under the guardian's watch."""
        found = [process for process in await self._find() if process not in self._strangers]
        self._known.update(found)
        self._guardian.record(found)

    async def keep_record(self) -> NoReturn:
        """Record until cancelled: for the time of loading."""
        while True:
            await self.record()
            await trio.sleep(LOOK_S)

    async def settle(self) -> None:
        """Loading is over: from now on a missing vital member means death."""
        await self.record()
        self._vital = tuple(sorted(process for process in self._known if self._is_vital(process)))

    def missing(self) -> list[Process]:
        """Vital members that are gone."""
        return [process for process in self._vital if not processes.is_alive(process)]

    def stopped(self) -> str | None:
        """Which vital members were stopped by a signal, in words; None if none is."""
        pids = [str(process.pid) for process in self._vital if processes.is_stopped(process)]
        return f"engine process {', '.join(pids)} is stopped (SIGCONT would continue it)" if pids else None

    async def look_after(self) -> None:
        """Replace the guardian if it died."""
        await self._guardian.ensure()

    async def kill(self) -> None:
        """Record and kill, at once."""
        await self.record()
        processes.send(self._known, signal.SIGKILL)

    async def end(self) -> None:
        """Terminate, then kill, whoever is left; bounded."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with trio.move_on_after(_END_S):
                while left := [process for process in self._known if processes.is_alive(process)]:
                    processes.send(left, number)
                    await trio.sleep(LOOK_S)

    async def dismiss(self) -> None:
        """The guardian's work is done."""
        await self._guardian.dismiss()

    async def _find(self) -> list[Process]:
        # In a thread: a machine with thousands of processes takes tens of milliseconds to look through.
        return await trio.to_thread.run_sync(processes.descendants, os.getpid())


__all__ = ["LOOK_S", "Family"]
