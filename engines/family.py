"""The processes of one engine, from birth to end: recorded with the guardian, watched, ended by pid.

A look at the process table can fail, for instance when the server has no descriptor left. That says nothing: what was
known stays known, and the next look tries again. Those that matter, the vital ones, are seen all the same
(`engines.watched`).
"""

import errno
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import structlog
import trio

from engines import processes
from engines.errors import EngineStartFailed, door
from engines.guardian import Guardian
from engines.processes import Process
from engines.watched import Watched

# How often the process table is looked at while processes come and go, in seconds.
LOOK_S = 0.1
# For a SIGTERM to be obeyed, then for a SIGKILL, in seconds.
_END_S = 1.5

log = structlog.get_logger()


class Family:
    """Every descendant of this process that was born after `begin`.

    `mark`: the environment entry `NAME=value` that they inherit, or empty. `is_vital`: whether the engine is dead
    without a process; it raises OSError if it cannot tell.
    """

    def __init__(self, mark: str, is_vital: Callable[[Process], bool]) -> None:
        self._mark = mark.encode()
        self._is_vital = is_vital
        self._guardian = Guardian(mark)
        self._strangers: frozenset[Process] = frozenset()
        self._known: set[Process] = set()
        self._vital: dict[Process, Watched] = {}

    @property
    def vital(self) -> tuple[Process, ...]:
        """Those without which the engine is dead, once it is settled."""
        return tuple(self._vital)

    async def begin(self) -> None:
        """Start the guardian; what already runs below us is none of ours. Raises `EngineStartFailed`."""
        with door(EngineStartFailed, "nobody can look after the engine's processes"):
            self._strangers = frozenset(await _in_thread(self._below))
            await self._guardian.start()

    async def record(self) -> None:
        """Find new members and put them under the guardian's watch; what cannot be seen now, the next time."""
        with suppress(OSError):
            await self._record(self._below)

    async def keep_record(self) -> NoReturn:
        """Record until cancelled: for the time of loading."""
        while True:
            await self.record()
            await trio.sleep(LOOK_S)

    async def settle(self) -> None:
        """Loading is over: from now on a missing vital member means death. Raises OSError if it cannot be seen."""
        await self._record(self._below)
        for process in sorted(self._known):
            if self._is_vital(process):
                self._vital[process] = Watched(process)

    def missing(self) -> list[Process]:
        """Vital members that were seen to be gone."""
        return [process for process, watched in self._vital.items() if watched.is_gone]

    def stopped(self) -> str | None:
        """Which vital members were stopped by a signal, in words; None if none is."""
        pids = [str(process.pid) for process, watched in self._vital.items() if watched.is_stopped]
        return f"engine process {', '.join(pids)} is stopped (SIGCONT would continue it)" if pids else None

    async def look_after(self) -> None:
        """Replace the guardian if it died."""
        await self._guardian.ensure()

    async def kill(self) -> None:
        """Record and kill, at once."""
        await self.record()
        self._send(signal.SIGKILL)

    async def end(self) -> None:
        """Terminate, then kill, whoever is left; bounded. Never raises."""
        with suppress(OSError):
            await self._record(self._everybody)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with trio.move_on_after(_END_S):
                while any(map(self._may_live, self._known)):
                    self._send(number)
                    await trio.sleep(LOOK_S)

    async def dismiss(self) -> None:
        """Let the guardian go: at once if everybody was looked for and nobody is left, else it ends who is.

        Never raises. Says so if not even the guardian could.
        """
        try:
            proven = not await self._find(self._everybody) and not any(map(processes.is_to_end, self._known))
        except OSError:
            proven = False
        if not await self._guardian.dismiss(proven=proven):
            log.error("engine.processes_left", pids=[process.pid for process in self._known if self._may_live(process)])
        for watched in self._vital.values():
            watched.close()

    def _may_live(self, process: Process) -> bool:
        watched = self._vital.get(process)
        if watched is not None:
            return not watched.is_gone
        try:
            return processes.is_to_end(process)
        except OSError:
            return True

    def _send(self, number: signal.Signals) -> None:
        processes.send(filter(self._may_live, self._known.difference(self._vital)), number)
        for watched in self._vital.values():
            watched.send(number)

    async def _record(self, look: Callable[[], list[Process]]) -> None:
        found = await self._find(look)
        self._known.update(found)
        self._guardian.record(found)

    async def _find(self, look: Callable[[], list[Process]]) -> list[Process]:
        return [process for process in await _in_thread(look) if process not in self._strangers]

    def _below(self) -> list[Process]:
        return processes.descendants(os.getpid())

    def _everybody(self) -> list[Process]:
        """Also those whose parent is gone: they are no longer below us, but bear the mark."""
        return [*self._below(), *(processes.marked(self._mark) if self._mark else ())]


async def _in_thread(look: Callable[[], list[Process]]) -> list[Process]:
    # In a thread: a machine with thousands of processes takes tens of milliseconds to look through.
    try:
        return await trio.to_thread.run_sync(look)
    except RuntimeError as error:  # CPython's word for a thread that the system refuses
        raise OSError(errno.EAGAIN, f"no thread to look with: {error}") from error


__all__ = ["LOOK_S", "Family"]
