"""Keeps a foreground server: its own process group, signals passed on one by one, nothing left behind.

A terminal sends Ctrl+C to every process of its foreground group. An engine's child process that gets it ends every
stream before the server has begun to drain. So the server and all its children live in a group of their own, and only
its main process hears of the signal. If the keeper is killed the server is told to stop; when the server has ended,
what is left of its group is ended too.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

FORWARDED = {signal.SIGINT: signal.SIGINT, signal.SIGTERM: signal.SIGTERM, signal.SIGHUP: signal.SIGTERM}
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LEFTOVER_GRACE_S = 2.0
POLL_S = 0.05
RUNNERS = frozenset({"just"})


class Keeper:
    """Runs one command to its end. Linux; call it from the main thread of a process without other threads."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._early: list[signal.Signals] = []
        self._prctl = ctypes.CDLL(None).prctl

    def keep(self, command: Sequence[str], environ: Mapping[str, str]) -> int:
        """Run it and return its exit code, 128 + n if signal n ended it."""
        for number in FORWARDED:
            signal.signal(number, self._forward)
        self._server = subprocess.Popen(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=self._prepare,  # noqa: PLW1509  # safe here: this process has one thread
        )
        for early in self._early:
            self._server.send_signal(early)
        # Its pid stays taken until it is reaped: until then the group's number cannot become somebody else's.
        os.waitid(os.P_PID, self._server.pid, os.WEXITED | os.WNOWAIT)
        _end_group(self._server.pid)
        code = self._server.wait()
        return code if code >= 0 else 128 - code

    def follow_runner(self) -> None:
        """Stop when the recipe runner that started us is killed; other parents (a shell, nohup) may leave."""
        with contextlib.suppress(OSError):
            parent = os.getppid()
            if Path(f"/proc/{parent}/comm").read_text("ascii").strip() in RUNNERS:
                self._prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))

    def _forward(self, number: int, frame: FrameType | None) -> None:
        meant = FORWARDED[signal.Signals(number)]
        if self._server is None:
            self._early.append(meant)
        else:
            self._server.send_signal(meant)

    def _prepare(self) -> None:
        """In the child, before it becomes the server."""
        self._prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # it may write to a terminal whose foreground group it is not in


def _end_group(group: int) -> None:
    """End every process that is left in a group whose leader has exited: politely, then for good."""
    deadline = time.monotonic() + LEFTOVER_GRACE_S
    _signal_group(group, signal.SIGTERM)
    while _others_in(group) and time.monotonic() < deadline:
        time.sleep(POLL_S)  # noqa: TID251  # there is no loop to block: this process only waits
    _signal_group(group, signal.SIGKILL)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _others_in(group: int) -> bool:
    """Whether a live process other than the leader is in the group, or may be: a look that fails says nothing.

    Looks into `/proc/<pid>/stat`, see proc(5).
    """
    try:
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return any(_is_in(group, pid) for pid in pids if pid != group)
    except OSError:
        return True


def _is_in(group: int, pid: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False  # it is gone, or another user's where those are hidden
    return fields[2:3] == [str(group)] and fields[0] not in "ZX"


__all__ = ["Keeper"]
