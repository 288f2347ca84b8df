"""Which of the engine's processes it cannot live without."""

import os

from engines.processes import PROC, Process, command_of

# The commands of mpi4py's worker pool and of Open MPI's daemons, which take their workers along.
_WORDS = (b"mpi4py", b"--multiprocessing-fork", b"orted", b"prted")
_GPU_DEVICE = "/dev/nvidia"


def is_worker(process: Process) -> bool:
    """Whether the engine dies with it: told by its command, or by the GPU that it holds open.

    Raises OSError if that cannot be looked at now.
    """
    command = command_of(process.pid)
    return any(word in part for word in _WORDS for part in command) or _holds_gpu(process.pid)


def _holds_gpu(pid: int) -> bool:
    try:
        with os.scandir(PROC / str(pid) / "fd") as entries:
            return any(_target(entry.path).startswith(_GPU_DEVICE) for entry in entries)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False  # it is gone, or never to be looked into: not one of ours


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""  # closed in this very moment


__all__ = ["is_worker"]
