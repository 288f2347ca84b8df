"""What lies below `YAP_HOME`: how much of what, what dead makers left, what is being made. Removes nothing."""

import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

from tooling.cache import is_complete, require_home
from tooling.doctor.facts import Cache
from tooling.refusal import Refusal
from tooling.run.disk import unwritable_home

GIB = 1024**3
KINDS = ("models", "quant", "trt/checkpoints", "trt/engines")
PARTIAL = re.compile(r"\.partial-(\d+)$")


def look(home: Path) -> Cache:
    """The facts. `home`: `YAP_HOME`, which need not exist yet."""
    try:
        place = require_home(home)
        for refusal in unwritable_home(place):
            raise refusal
        entries = [entry for kind in KINDS for entry in _entries(place / kind)]
        half = [entry for entry in entries if PARTIAL.search(entry.name)]
        abandoned = [entry for entry in half if not is_locked(place / "locks" / f"{_key(entry)}.lock")]
        return Cache(
            home=str(place),
            sizes={kind: size for kind in KINDS if (size := _gib(place / kind))},
            abandoned=tuple(map(str, abandoned)),
            abandoned_gib=sum(map(_gib, abandoned)),
            damaged=tuple(str(entry) for entry in entries if entry not in half and not is_complete(entry)),
            making=tuple(str(entry) for entry in half if entry not in abandoned),
        )
    except Refusal as refusal:
        return Cache(home=str(home), trouble=str(refusal))
    except OSError as error:
        return Cache(home=str(home), trouble=f"{home} cannot be looked at: {error.strerror or error}")


def is_locked(path: Path) -> bool:
    """Whether somebody holds this lock file now. Takes the lock for a moment, and never makes the file."""
    try:
        with path.open("r") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _entries(kind: Path) -> list[Path]:
    """Directories of one kind; links are nobody's entries."""
    if not kind.is_dir():
        return []
    return sorted(entry for entry in kind.iterdir() if entry.is_dir() and not entry.is_symlink())


def _key(partial: Path) -> str:
    """Of a half-made entry; its maker holds the lock of that name as long as it lives."""
    return PARTIAL.sub("", partial.name).rpartition("-")[2]


def _gib(directory: Path) -> float:
    return sum(_sizes(directory)) / GIB


def _sizes(directory: Path) -> Iterator[int]:
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                yield os.lstat(os.path.join(folder, name)).st_blocks * 512
            except OSError:  # it went meanwhile
                continue


__all__ = ["KINDS", "is_locked", "look"]
