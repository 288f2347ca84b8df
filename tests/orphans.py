"""Who outlives the test process that started it comes to us instead of to init, and is ended before we are done.

An interrupted run leaves servers: pytest's workers end without tidying up, and a server has a session of its own, which
no Ctrl+C reaches. Whose processes they are is the kernel's to say: a subreaper's descendants (prctl(2)) are its own.
"""

import ctypes
import os
import signal
import time

from engines import processes

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
GRACE_S = 8.0
"""For a server that is told to end: it ends its engine first."""
PAUSE_S = 0.05


def adopt() -> None:
    """Be the parent, from now on, of whatever our descendants leave behind. Raises `OSError`."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def wait_for(child: int) -> int:
    """The exit code of a child (a signal's is negative), burying whoever else ends meanwhile."""
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def end_left(grace_s: float = GRACE_S) -> list[str]:
    """End what is left of our descendants, politely first; the command lines of those that were left."""
    left = processes.descendants(os.getpid())
    told = [b" ".join(processes.command_of(each.pid)).decode(errors="replace").strip() for each in left]
    deadline = time.monotonic() + grace_s
    processes.send(_children(left), signal.SIGTERM)  # a server takes its engine along
    while left := _buried():
        if time.monotonic() > deadline:
            processes.send(left, signal.SIGKILL)
        time.sleep(PAUSE_S)  # noqa: TID251 - no trio here
    return told


def _children(left: list[processes.Process]) -> list[processes.Process]:
    mine = os.getpid()
    return [each for each in left if (seen := processes.stat(each.pid)) is not None and seen.parent == mine]


def _buried() -> list[processes.Process]:
    """Who is left, once the dead are buried."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return []
    return processes.descendants(os.getpid())


__all__ = ["adopt", "end_left", "wait_for"]
