"""The right to be the one launch on a port, or the one writer of a log: held by a process and let go at its end."""

import fcntl
import hashlib
import os
from pathlib import Path

from attrs import define

LOCKS = "locks"


@define(eq=False)
class Claim:
    """A lock that lives as long as the process that took it, or a child of it that was forked.

    The file stays: if it were removed, two could lock two files of one name.
    """

    _descriptor: int

    @classmethod
    def port(cls, home: Path, key: int | str) -> "Claim | None":
        """The right to launch on a port; None if another launch has it. Raises `OSError` where `home` is read-only."""
        return cls._take(port_lock(home, key))

    @classmethod
    def log(cls, home: Path, log: Path) -> "Claim | None":
        """The right to write and to rotate a log; None if another launch has it. Raises `OSError`."""
        # By its name and not on the file itself: that one is moved whenever it is rotated.
        name = hashlib.sha256(os.fsencode(log.resolve())).hexdigest()[:16]
        return cls._take(home / LOCKS / f"log-{name}.lock")

    @classmethod
    def _take(cls, path: Path) -> "Claim | None":
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def close(self) -> None:
        """Leave it to a child that was forked, or let it go where there is none."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def port_lock(home: Path, key: int | str) -> Path:
    """What whoever launches on a port holds."""
    return home / LOCKS / f"port-{key}.lock"


__all__ = ["Claim", "port_lock"]
