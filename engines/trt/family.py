"""The processes that came with the engine: MPI's daemon, the workers, and whatever they started."""

import os
import signal
from typing import NoReturn

import trio

from engines.vllm import processes
from engines.vllm.guardian import Guardian
from engines.vllm.processes import PROC, Process

# How often processes are looked for while the engine loads, and while they are being ended; seconds.
LOOK_S = 0.1
# The commands of mpi4py's worker pool and of Open MPI's daemons, without which it loses its workers.
_VITAL_WORDS = (b"mpi4py", b"--multiprocessing-fork", b"orted", b"prted")
_GPU_DEVICE = "/dev/nvidia"


class Family:
    """Every descendant of ours that was born since `begin`; none of them outlives the engine, or us.

    `mark`: an environment entry `NAME=value` that they inherit, or empty.
    """

    def __init__(self, mark: str = "") -> None:
        self._guardian = Guardian(mark)
        self._before: set[Process] = set()
        self._members: set[Process] = set()
        self._vital: tuple[Process, ...] = ()

    @property
    def vital(self) -> tuple[Process, ...]:
        """Those that the engine cannot live without; known after `settle`."""
        return self._vital

    async def begin(self) -> None:
        """Start the guardian, and count from now."""
        self._before = set(processes.descendants(os.getpid()))
        await self._guardian.start()
        self._before |= set(processes.descendants(os.getpid()))

    def record(self) -> None:
        """Take in who was born meanwhile."""
        found = set(processes.descendants(os.getpid())) - self._before
        self._members |= found
        self._guardian.record(found)

    async def keep_record(self) -> NoReturn:
        """Record until cancelled: the guardian must know of a worker before anything happens to us."""
        while True:
            self.record()
            await trio.sleep(LOOK_S)

    def settle(self) -> None:
        """The engine is loaded: find out whom it cannot live without."""
        self.record()
        self._vital = tuple(process for process in self._members if _is_vital(process))

    def dead(self) -> list[int]:
        """Pids of the vital ones that are gone."""
        return sorted(process.pid for process in self._vital if not processes.is_alive(process))

    async def ensure(self) -> None:
        """Start the guardian again if it died."""
        await self._guardian.ensure()

    def kill(self) -> None:
        """Kill all of them now."""
        self.record()
        processes.send(self._left(), signal.SIGKILL)

    async def end(self, patience_s: float) -> None:
        """Terminate, then kill, by pid; `patience_s` for both together."""
        self.record()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with trio.move_on_after(patience_s / 2):
                while left := self._left():
                    processes.send(left, number)
                    await trio.sleep(LOOK_S)

    async def dismiss(self) -> None:
        """Tell the guardian that all is done. Idempotent."""
        await self._guardian.dismiss()

    def _left(self) -> list[Process]:
        return [process for process in self._members if processes.is_alive(process)]


def _is_vital(process: Process) -> bool:
    # By command, or by what it holds: a process with the GPU open is a worker whatever it calls itself.
    try:
        command = (PROC / str(process.pid) / "cmdline").read_bytes()
    except OSError:
        return False
    return any(word in command for word in _VITAL_WORDS) or _holds_gpu(process.pid)


def _holds_gpu(pid: int) -> bool:
    try:
        with os.scandir(PROC / str(pid) / "fd") as entries:
            return any(_target(entry.path).startswith(_GPU_DEVICE) for entry in entries)
    except OSError:
        return False


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


__all__ = ["LOOK_S", "Family"]
