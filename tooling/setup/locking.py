"""One maker at a time: a lock beside the directory that is made."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from tooling.setup.progress import Progress


@contextlib.contextmanager
def locked(path: Path, busy: str, progress: Progress) -> Iterator[int]:
    """Hold the lock of a directory, `NAME.lock` beside it; a second maker says `busy` and waits for the first.

    Gives the lock's descriptor. The file stays: removing it would let two makers lock two different files.
    Raises `OSError`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f"{path.name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"{busy}; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle.fileno()


__all__ = ["locked"]
