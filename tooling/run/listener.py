"""Who listens at a port of this machine, as far as its process table shows; asked for a sentence, never to end it."""

import os
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

PROC = Path("/proc")
LISTENING = "0A"  # net/tcp_states.h


@frozen
class Listener:
    """A process that listens. `name`: of its program."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def listener_at(port: int, proc: Path = PROC) -> Listener | None:
    """Who listens at a TCP port; None if nobody, or somebody who is not to be seen (another user's, or elsewhere)."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    if not sockets:
        return None
    for process in proc.iterdir():
        if process.name.isdigit() and _holds(process, sockets):
            try:
                name = (process / "comm").read_text("utf-8", "replace").strip()
            except OSError:
                name = "a program"
            return Listener(int(process.name), name)
    return None


def _inodes(port: int, proc: Path) -> Iterator[str]:
    """See proc(5), net/tcp: local address and port in hexadecimal, the state, and in the tenth column the inode."""
    for table in ("tcp", "tcp6"):
        try:
            rows = (proc / "net" / table).read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            if len(columns) > 9 and columns[3] == LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                yield columns[9]


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        return any(os.readlink(descriptor) in sockets for descriptor in (process / "fd").iterdir())
    except OSError:
        return False


__all__ = ["Listener", "listener_at"]
