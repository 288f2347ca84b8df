"""The engine's processes: found by ancestry, identified by pid and start time, ended by pid.

A look that fails is not an answer: only ENOENT and ESRCH mean that a process is gone. Whatever else keeps `/proc` from
being read (no descriptor left, no memory, no permission, a line that cannot be understood) is raised as an `OSError`.

Standard library only: this file is also the guardian, a tiny process that the server starts before the engine. It holds
the reading end of a pipe. When the server is gone, however it went (also by SIGKILL, also while loading), the pipe
closes and the guardian ends the engine processes that were recorded, because engine processes outlive their parent.
The same happens when the server cannot tell whether its engine's processes are ended, and closes the pipe itself.
"""

import contextlib
import errno
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

# How long the guardian tries to end processes that it sees, and how long it waits to see them, in seconds.
PERSEVERANCE_S = 10.0
_BLIND_S = 600.0
# Its pause between two looks, in seconds.
_PAUSE_S = 0.1
# Its exit status when something is left all the same.
_LEFT = 1


class Process(NamedTuple):
    """A process: its pid and its start time in clock ticks after boot, which together are never reused."""

    pid: int
    ticks: int


class Stat(NamedTuple):
    """What a look shows: the state's letter, the parent's pid, the start time in clock ticks after boot."""

    state: str
    parent: int
    ticks: int

    @property
    def is_alive(self) -> bool:
        """A zombie does not live."""
        return self.state not in "ZX"

    @property
    def is_stopped(self) -> bool:
        """Stopped by a signal. A process that a debugger holds for a moment (state "t") does not count."""
        return self.state == "T"


def parse(line: bytes) -> Stat:
    """Fields 3, 4 and 22 of proc(5) "stat". Raises OSError for a line without them."""
    # The name (field 2) may hold blanks and parentheses, so counting starts after the last one.
    fields = line.rpartition(b")")[2].split()
    try:
        return Stat(fields[0].decode(), int(fields[1]), int(fields[19]))
    except (IndexError, ValueError):
        raise OSError(errno.EIO, "a process's stat cannot be understood") from None


def stat(pid: int) -> Stat | None:
    """What there is to see of a pid; None if no process has it. Raises OSError if that could not be looked at."""
    line = _read(pid, "stat")
    return None if line is None else parse(line)


def _read(pid: int, name: str) -> bytes | None:
    try:
        return (PROC / str(pid) / name).read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        if not os.path.lexists(PROC / "self"):
            raise  # nothing at all is to be seen here
        return None


def identify(pid: int) -> Process | None:
    """The living process with this pid, None if there is none (a zombie counts as none).

    Raises OSError if that could not be looked at, as do all functions here that look.
    """
    found = stat(pid)
    return None if found is None or not found.is_alive else Process(pid, found.ticks)


def is_alive(process: Process) -> bool:
    """Whether this very process still lives."""
    return identify(process.pid) == process


def is_to_end(process: Process) -> bool:
    """Whether it lives and does not end by itself, as resource trackers and guardians do.

    Asked again before it is ended: in its first moments, between fork and exec, a tracker looks like its parent.
    """
    return is_alive(process) and not _is_spared(process.pid)


def descendants(ancestor: int) -> list[Process]:
    """All living descendants of a pid, parents first; resource trackers and guardians excepted.

    A resource tracker must survive its owner: it is what removes leaked shared memory.
    """
    table: dict[int, Stat] = {}
    children: dict[int, list[int]] = {}
    for pid in _all_pids():
        with contextlib.suppress(PermissionError):  # another user's, where those are hidden: none of ours
            if (seen := stat(pid)) is not None:
                table[pid] = seen
                children.setdefault(seen.parent, []).append(pid)
    found: list[Process] = []
    ahead = list(children.get(ancestor, ()))
    while ahead:
        pid = ahead.pop(0)
        if table[pid].is_alive and not _is_spared(pid):
            found.append(Process(pid, table[pid].ticks))
        ahead.extend(children.pop(pid, ()))  # once: pids reused during the look could make a circle
    return found


def marked(mark: bytes) -> list[Process]:
    """Who was started with this entry, `NAME=value`, in its environment; resource trackers and guardians excepted.

    Catches an engine process that was born in the last moments of the server, before it could be recorded.
    """
    found = []
    for pid in _all_pids():
        with contextlib.suppress(PermissionError):  # another user's
            if mark in (_read(pid, "environ") or b"").split(b"\0") and not _is_spared(pid):
                found.append(identify(pid))
    return [process for process in found if process is not None]


def command_of(pid: int) -> list[bytes]:
    """The command line of a process, word by word; one empty word if there is none."""
    return (_read(pid, "cmdline") or b"").split(b"\0")


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    """Send a signal to each process that is seen to be the one that was identified; not to one that cannot be seen."""
    for process in processes:
        with contextlib.suppress(OSError):
            if is_alive(process):
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


def _left(recorded: Iterable[Process], mark: bytes) -> tuple[set[Process], bool]:
    # Who of them, their descendants and the marked ones lives, and whether all of that could be looked at.
    left: set[Process] = set()
    everything = True
    for process in recorded:
        try:
            if is_to_end(process):
                left.add(process)
                left.update(descendants(process.pid))
        except OSError:
            everything = False
    try:
        left.update(marked(mark) if mark else ())
    except OSError:
        everything = False
    return left, everything


def _end(recorded: set[Process], mark: bytes) -> tuple[int, bool]:
    # How many were ended, and whether nothing is left. A look that failed says nothing and costs no patience.
    ended: set[Process] = set()
    tries, blind = int(PERSEVERANCE_S / _PAUSE_S), int(_BLIND_S / _PAUSE_S)
    while tries and blind:
        left, everything = _left(recorded, mark)
        if everything and not left:
            return len(ended), True
        recorded |= left
        ended |= left
        send(left, signal.SIGKILL)
        tries, blind = (tries - 1, blind) if everything else (tries, blind - 1)
        select.select([], [], [], _PAUSE_S)
    return len(ended), False


def _guard(mark: str) -> int:
    # Its own session keeps it out of the server's group signals; these three are for the server, which says farewell.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    recorded = _listen(sys.stdin)
    if recorded is None:
        return 0
    ended, is_done = _end(recorded, mark.encode())
    with contextlib.suppress(OSError):
        if ended:
            sys.stderr.write(f"engine guardian: nobody else did, so it ended {ended} engine process(es)\n")
        if not is_done:
            sys.stderr.write("engine guardian: engine processes may be left that it cannot end or see\n")
    return 0 if is_done else _LEFT


__all__ = [
    "FAREWELL",
    "PERSEVERANCE_S",
    "PROC",
    "Process",
    "Stat",
    "command_of",
    "descendants",
    "identify",
    "is_alive",
    "is_to_end",
    "marked",
    "parse",
    "send",
    "stat",
]

if __name__ == "__main__":
    sys.exit(_guard(sys.argv[1] if len(sys.argv) > 1 else ""))
