"""One maker a key: locks that end with whoever holds them.

Their files stay: if one were removed, two could lock two files of one name.
"""

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

LOCKS = "locks"


def lock_of(kind: Path, home: Path, key: str) -> Path:
    """The lock of a key: below the home, or beside entries that are kept elsewhere, which other homes may share."""
    return (home if kind.is_relative_to(home) else kind) / LOCKS / f"{key}.lock"


@contextlib.contextmanager
def hold(path: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock; `wait` is called before it is waited for. Raises `OSError` where it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def share(path: Path) -> Iterator[None]:
    """Hold a lock together with other readers: who makes the entry anew waits, who would delete it leaves it alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def attempt(path: Path) -> Iterator[bool]:
    """Hold a lock if it is free; whether it was. One that nobody ever made is free. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def is_held(path: Path) -> bool:
    """Whether somebody holds a lock; nothing is written to find out. Raises `OSError`."""
    try:
        with path.open() as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


__all__ = ["LOCKS", "attempt", "hold", "is_held", "lock_of", "share"]
