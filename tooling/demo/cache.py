"""The cache of demo models: an entry is complete or invisible, and each key has one maker at a time.

Layout below `home`: `models/<name>-<key>/` complete entries, `models/<name>-<key>.partial-<pid>/` being made,
`locks/<key>.lock` the maker's lock.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from attrs import frozen

Report = Callable[[str], None]
COMPLETE = "complete.json"
_PARTIAL = re.compile(r"\.partial-(\d+)$")


@frozen(kw_only=True)
class Entry:
    """One cacheable model. `recipe`: everything that changes the result, as plain JSON data."""

    name: str
    recipe: Mapping[str, object]

    @property
    def key(self) -> str:
        """16 hex digits of SHA-256 over the canonical JSON of the recipe."""
        return hashlib.sha256(canonical(self.recipe).encode()).hexdigest()[:16]

    def path(self, home: Path) -> Path:
        """Return where the complete entry lives."""
        return home / "models" / f"{self.name}-{self.key}"


def canonical(data: Mapping[str, object]) -> str:
    """Return JSON that is equal for equal data: sorted keys, compact separators."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(text: str) -> str:
    """Return the SHA-256 of a text in hex, to stand for a long text in a recipe."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_complete(directory: Path) -> bool:
    """Whether a directory holds every file its `complete.json` lists, with the listed sizes."""
    try:
        listed = json.loads((directory / COMPLETE).read_text(encoding="utf-8"))["files"]
        return all((directory / name).stat().st_size == size for name, size in listed.items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False


def ensure(entry: Entry, home: Path, build: Callable[[Path], None], report: Report) -> Path:
    """Return the entry's directory, built by `build(partial directory)` if it is not there yet.

    A second process that wants the same key waits here and takes the first one's result. A failed build leaves
    nothing behind and raises what `build` raised; `OSError` when `home` cannot be written.
    """
    final = entry.path(home)
    if is_complete(final):
        return final
    with _lock(home / "locks" / f"{entry.key}.lock", final.name, report):
        if is_complete(final):
            return final
        sweep(home / "models")
        partial = final.with_name(f"{final.name}.partial-{os.getpid()}")
        try:
            _make(entry, partial, build)
            # An incomplete directory under the final name was damaged after it was made.
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return final


def sweep(models: Path) -> list[Path]:
    """Remove what dead makers left behind; return what was removed. Links are never followed."""
    removed = []
    for path in sorted(models.glob("*.partial-*")) if models.is_dir() else []:
        match = _PARTIAL.search(path.name)
        if match and not path.is_symlink() and path.is_dir() and not _alive(int(match.group(1))):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return removed


def _make(entry: Entry, partial: Path, build: Callable[[Path], None]) -> None:
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    build(partial)
    (partial / "key.json").write_text(canonical(entry.recipe) + "\n", encoding="utf-8")
    sizes = {path.name: path.stat().st_size for path in sorted(partial.iterdir())}
    (partial / COMPLETE).write_text(json.dumps({"files": sizes}, indent=2) + "\n", encoding="utf-8")
    # Or a power cut soon afterwards could leave the right names and sizes without their contents.
    for path in partial.iterdir():
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


__all__ = ["COMPLETE", "Entry", "Report", "canonical", "digest", "ensure", "is_complete", "sweep"]
