"""Makes cache entries: in a directory of the maker's own, renamed when whole, one maker a key."""

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tooling.cache.entry import COMPLETE, KEY, Entry, canonical, files_of, is_complete

Report = Callable[[str], None]
_PARTIAL = re.compile(r"\.partial-(\d+)$")


def ensure(entry: Entry, home: Path, build: Callable[[Path], None], report: Report, *, anew: bool = False) -> Path:
    """Return the entry's directory, built by `build(partial directory)` if it is not there yet, or if `anew`.

    A second process that wants the same key waits here and takes the first one's result. A failed build leaves
    nothing behind and raises what `build` raised; `OSError` when `home` cannot be written.
    """
    final = entry.path(home)
    if not anew and is_complete(final):
        return final
    with _lock(home / "locks" / f"{entry.key}.lock", final.name, report):
        if not anew and is_complete(final):
            return final
        sweep(final.parent)
        partial = final.with_name(f"{final.name}.partial-{os.getpid()}")
        try:
            _make(entry, partial, build)
            # A directory under the final name is made anew, or was damaged after it was made.
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return final


def sweep(kind: Path) -> list[Path]:
    """Remove what dead makers left behind; return what was removed. Links are never followed."""
    removed = []
    for path in sorted(kind.glob("*.partial-*")) if kind.is_dir() else []:
        match = _PARTIAL.search(path.name)
        if match and not path.is_symlink() and path.is_dir() and not _alive(int(match.group(1))):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return removed


def _make(entry: Entry, partial: Path, build: Callable[[Path], None]) -> None:
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    build(partial)
    (partial / KEY).write_text(canonical(entry.recipe) + "\n", encoding="utf-8")
    sizes = {path.relative_to(partial).as_posix(): path.stat().st_size for path in files_of(partial)}
    (partial / COMPLETE).write_text(json.dumps({"files": sizes}, indent=2) + "\n", encoding="utf-8")
    # Or a power cut soon afterwards could leave the right names and sizes without their contents.
    for path in (*files_of(partial), partial / COMPLETE):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())


@contextlib.contextmanager
def _lock(path: Path, name: str, report: Report) -> Iterator[None]:
    """Hold the maker's lock. The file stays: removing it would let two makers lock two different files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"{name} is being built by another process, waiting for it")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


__all__ = ["Report", "ensure", "sweep"]
