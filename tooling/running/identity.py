"""A process that is known for certain: its number may be given to another one later, and after a boot all are."""

import os
import select
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from attrs import field, frozen, validators

PROC = Path("/proc")
BOOT_ID = PROC / "sys/kernel/random/boot_id"
# Places in /proc/<pid>/stat behind the command's name, see proc(5).
STATE, GROUP, START_TICKS = 0, 2, 19
DEAD = "ZX"


@frozen
class Identity:
    """One process. `start_ticks`: clock ticks between boot and its start; `boot_id`: the kernel's name of it."""

    pid: int = field(validator=validators.ge(1))
    start_ticks: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """The process that has this number now, a dead one that nobody has reaped included.

        Raises `ProcessLookupError` where there is none.
        """
        return cls(pid, int(_stat(pid)[START_TICKS]), boot_id())

    def is_alive(self) -> bool:
        """Whether this very process still runs; one that ended and is not reaped yet does not."""
        try:
            fields = _stat(self.pid)
        except ProcessLookupError:
            return False
        return int(fields[START_TICKS]) == self.start_ticks and fields[STATE] not in DEAD and boot_id() == self.boot_id

    def send(self, number: signal.Signals) -> bool:
        """Signal it, and never another process that has its number by now; False if it is gone.

        Raises `PermissionError` where it is another user's.
        """
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.is_alive():
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True

    def age_s(self) -> float:
        """Seconds since its start, by the clock that no setting of the time of day moves."""
        ticks: int = os.sysconf("SC_CLK_TCK")
        return max(0.0, float((PROC / "uptime").read_text("ascii").split()[0]) - self.start_ticks / ticks)


def wait_gone(processes: Iterable[Identity], timeout_s: float) -> bool:
    """Wait until none of them lives; False if one still does after the time."""
    deadline = time.monotonic() + timeout_s
    for process in processes:
        try:
            handle = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        try:
            waiter = select.poll()
            waiter.register(handle, select.POLLIN)
            while process.is_alive():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                waiter.poll(left * 1000)
        finally:
            os.close(handle)
    return True


def boot_id() -> str:
    """The kernel's name for the time since it was booted."""
    return BOOT_ID.read_text("ascii").strip()


def members(group: int) -> list[Identity]:
    """The live processes of a process group. Raises `OSError` where this machine's processes cannot be listed."""
    found = []
    for pid in [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]:
        try:
            fields = _stat(pid)
        except ProcessLookupError:
            continue
        if fields[GROUP] == str(group) and fields[STATE] not in DEAD:
            found.append(Identity(pid, int(fields[START_TICKS]), boot_id()))
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat behind the command's name, which may itself hold blanks and brackets."""
    try:
        return (PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except (FileNotFoundError, PermissionError):
        raise ProcessLookupError(f"no process has the number {pid}") from None


__all__ = ["Identity", "boot_id", "members", "wait_gone"]
