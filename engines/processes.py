"""The engine's processes: found by ancestry, identified by pid and start time, ended by pid.

Standard library only: this file is also the guardian, a tiny process that the server starts before the engine. It holds
the reading end of a pipe. When the server is gone, however it went (also by SIGKILL, also while loading), the pipe
closes and the guardian ends the engine processes that were recorded, because engine processes outlive their parent.
"""

import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

PROC = Path("/proc")

# The word on the pipe by which the server says that it has ended its engine itself.
FAREWELL = "bye"

# How long the guardian keeps at it, and its pause between two looks, in seconds.
_PERSEVERANCE_S = 10.0
_PAUSE_S = 0.1


class Process(NamedTuple):
    """A process: its pid and its start time in clock ticks after boot, which together are never reused."""

    pid: int
    ticks: int


def _stat(pid: int) -> tuple[str, int, int] | None:
    # State, parent and start time: fields 3, 4 and 22 of proc(5) "stat". The name (field 2) may hold blanks and
    # parentheses, so counting starts after the last one.
    try:
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return fields[0], int(fields[1]), int(fields[19])
    except (OSError, IndexError, ValueError):
        return None


def identify(pid: int) -> Process | None:
    """The living process with this pid, None if there is none (a zombie counts as none)."""
    stat = _stat(pid)
    return None if stat is None or stat[0] in "ZX" else Process(pid, stat[2])


def is_alive(process: Process) -> bool:
    """Whether this very process still lives."""
    return identify(process.pid) == process


def is_stopped(process: Process) -> bool:
    """Whether this very process lives but was stopped (SIGSTOP, SIGTSTP): it does nothing until somebody continues it.

    A process that a debugger holds for a moment (state "t") does not count.
    """
    stat = _stat(process.pid)
    return stat is not None and stat[0] == "T" and stat[2] == process.ticks


def descendants(ancestor: int) -> list[Process]:
    """All living descendants of a pid, parents first; resource trackers and guardians excepted.

    A resource tracker must survive its owner: it is what removes leaked shared memory.
    """
    children: dict[int, list[int]] = {}
    for pid in _all_pids():
        stat = _stat(pid)
        if stat is not None:
            children.setdefault(stat[1], []).append(pid)
    found: list[Process] = []
    ahead = list(children.get(ancestor, ()))
    while ahead:
        pid = ahead.pop(0)
        process = identify(pid)
        if process is not None and not _is_spared(pid):
            found.append(process)
        ahead.extend(children.get(pid, ()))
    return found


def command_of(pid: int) -> list[bytes]:
    """The command line of a process, word by word; one empty word if there is none."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return [b""]


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    """Send a signal to each process that still is the one that was identified."""
    for process in processes:
        if is_alive(process):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, number)


def _all_pids() -> Iterator[int]:
    with os.scandir(PROC) as entries:
        for entry in entries:
            if entry.name.isdecimal():
                yield int(entry.name)


def _is_spared(pid: int) -> bool:
    # Resource trackers and guardians: they end by themselves, after they did what they are for.
    command = command_of(pid)
    return any(b"multiprocessing.resource_tracker" in part for part in command) or __file__.encode() in command


def _marked(mark: bytes) -> list[Process]:
    # Who was started with the server's mark in its environment: catches an engine process that was born in the last
    # moments of the server, before it could be recorded.
    found = []
    for pid in _all_pids():
        with contextlib.suppress(OSError):
            if mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0") and not _is_spared(pid):
                found.append(identify(pid))
    return [process for process in found if process is not None]


def _listen(pipe: TextIO) -> set[Process] | None:
    # One line per process, "+pid ticks" or "-pid ticks", until the pipe closes. None after a farewell.
    recorded: set[Process] = set()
    for line in pipe:
        word = line.strip()
        if word == FAREWELL:
            return None
        with contextlib.suppress(ValueError):
            pid, ticks = word[1:].split()
            (recorded.add if word[0] == "+" else recorded.discard)(Process(int(pid), int(ticks)))
    return recorded


def _end(recorded: set[Process], mark: bytes) -> int:
    ended: set[Process] = set()
    for _ in range(int(_PERSEVERANCE_S / _PAUSE_S)):
        left = {process for process in recorded if is_alive(process)}
        for process in tuple(left):
            left.update(descendants(process.pid))
        if mark:
            left.update(_marked(mark))
        if not left:
            break
        recorded |= left
        ended |= left
        send(left, signal.SIGKILL)
        select.select([], [], [], _PAUSE_S)
    return len(ended)


def _guard(mark: str) -> int:
    # Its own session keeps it out of the server's group signals; these three are for the server, which says farewell.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    recorded = _listen(sys.stdin)
    if recorded is not None:
        ended = _end(recorded, mark.encode())
        if ended:
            with contextlib.suppress(OSError):
                sys.stderr.write(f"engine guardian: the server is gone, ended {ended} engine process(es) it left\n")
    return 0


__all__ = ["FAREWELL", "PROC", "Process", "command_of", "descendants", "identify", "is_alive", "is_stopped", "send"]

if __name__ == "__main__":
    sys.exit(_guard(sys.argv[1] if len(sys.argv) > 1 else ""))
