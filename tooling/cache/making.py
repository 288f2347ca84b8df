"""Makes cache entries: in a directory of the maker's own, renamed when whole, one maker a key."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from attrs import frozen

from tooling.cache.entry import COMPLETE, KEY, Entry, canonical, files_of, is_complete
from tooling.cache.locking import attempt, hold, lock_of, share

Report = Callable[[str], None]
REPLACED = ".replaced.partial-"
_ENTRY = re.compile(r"-(?P<key>[0-9a-f]{16})$")
# `<name>-<key>.partial-<pid>`; what an entry that is made anew takes the place of is put aside under the same name.
_PARTIAL = re.compile(r"-(?P<key>[0-9a-f]{16})(?:\.replaced)?\.partial-\d+$")


@frozen
class Partial:
    """A directory that is being made, or that its maker left behind."""

    path: Path
    key: str


def ensure(entry: Entry, home: Path, build: Callable[[Path], None], report: Report, *, anew: bool = False) -> Path:
    """Return the entry's directory, built by `build(partial directory)` if it is not there yet, or if `anew`.

    A second process that wants the same key waits here and takes the first one's result, also if it wants it anew. A
    failed build leaves nothing behind and raises what `build` raised; `OSError` when `home` cannot be written.
    """
    final = entry.path(home)
    if not anew and is_complete(final):
        return final
    before = _made_at(final)
    waiting = f"{final.name} is being built by another process, waiting for it"
    with hold(lock_of(final.parent, home, entry.key), lambda: report(waiting)):
        was_there = final.exists()
        sweep(final.parent, home, mine=entry.key)
        if not was_there:
            before = _made_at(final)  # what the sweep put back was not made meanwhile
        if is_complete(final) and (not anew or _made_at(final) != before):
            return final
        partial = final.with_name(f"{final.name}.partial-{os.getpid()}")
        replaced = final.with_name(f"{final.name}{REPLACED}{os.getpid()}")
        try:
            _make(entry, partial, build)
            with contextlib.suppress(FileNotFoundError):
                final.rename(replaced)  # it is made anew, or was damaged after it was made
            partial.rename(final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            if not _put_back(replaced):
                shutil.rmtree(replaced, ignore_errors=True)
    return final


@contextlib.contextmanager
def reading(directories: Iterable[Path], home: Path) -> Iterator[None]:
    """Entries stay while something is made of them; other directories are nobody's to delete here. Raises `OSError`."""
    with contextlib.ExitStack() as stack:
        for directory in directories:
            match = _ENTRY.search(directory.name)
            if match and directory.is_relative_to(home):
                stack.enter_context(share(lock_of(directory.parent, home, match["key"])))
        yield


def partials(kind: Path) -> Iterator[Partial]:
    """What is being made in a directory of entries, and what was left behind there. Links are never followed."""
    for path in sorted(kind.glob("*.partial-*")) if kind.is_dir() else []:
        match = _PARTIAL.search(path.name)
        if match and not path.is_symlink() and path.is_dir():
            yield Partial(path, match["key"])


def sweep(kind: Path, home: Path, mine: str | None = None) -> list[Path]:
    """Remove what dead makers left behind; return what was removed.

    A maker holds the lock of its key for as long as it lives: one that can be had is a dead maker's. What such a one
    put aside and had nothing to put in its place becomes the entry again. `mine`: a key whose lock the caller holds.
    """
    removed = []
    for partial in partials(kind):
        with contextlib.ExitStack() as stack:
            if partial.key != mine and not stack.enter_context(attempt(lock_of(kind, home, partial.key))):
                continue
            if _put_back(partial.path):
                continue
            shutil.rmtree(partial.path, ignore_errors=True)
            removed.append(partial.path)
    return removed


def _put_back(path: Path) -> bool:
    """What a maker put aside is the entry again if it is whole and nothing came in its place; whether it is now."""
    name, put_aside, _ = path.name.rpartition(REPLACED)
    if not put_aside or path.with_name(name).exists() or not is_complete(path):
        return False
    path.rename(path.with_name(name))
    return True


def _make(entry: Entry, partial: Path, build: Callable[[Path], None]) -> None:
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    build(partial)
    (partial / KEY).write_text(canonical(entry.recipe) + "\n", encoding="utf-8")
    sizes = {path.relative_to(partial).as_posix(): path.stat().st_size for path in files_of(partial)}
    (partial / COMPLETE).write_text(json.dumps({"files": sizes}, indent=2) + "\n", encoding="utf-8")
    mode = (partial / KEY).stat().st_mode
    # Or a power cut soon afterwards could leave the right names and sizes without their contents.
    for path in (*files_of(partial), partial / COMPLETE):
        path.chmod(mode)  # some libraries write for their owner alone; a server may be another user
        with path.open("rb") as stream:
            os.fsync(stream.fileno())


def _made_at(final: Path) -> tuple[int, int] | None:
    """What tells one making of an entry from the next; None if there is none."""
    try:
        found = (final / COMPLETE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


__all__ = ["Partial", "Report", "ensure", "partials", "reading", "sweep"]
