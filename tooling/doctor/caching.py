"""What lies below `YAP_HOME`: how much of what, what dead makers left, what is being made. Removes nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

from tooling.cache import is_complete, partials, require_home
from tooling.cache.locking import is_held, lock_of
from tooling.doctor.facts import Cache
from tooling.refusal import Refusal
from tooling.run.disk import unwritable_home

GIB = 1024**3
KINDS = ("models", "quant", "trt/checkpoints", "trt/engines")


def look(home: Path) -> Cache:
    """The facts. `home`: `YAP_HOME`, which need not exist yet."""
    try:
        place = require_home(home)
        for refusal in unwritable_home(place):
            raise refusal
        entries = [entry for kind in KINDS for entry in _entries(place / kind)]
        half = {one.path: one.key for kind in KINDS for one in partials(place / kind)}
        abandoned = [entry for entry, key in half.items() if not is_held(lock_of(entry.parent, place, key))]
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


def _entries(kind: Path) -> list[Path]:
    """Directories of one kind; links are nobody's entries."""
    if not kind.is_dir():
        return []
    return sorted(entry for entry in kind.iterdir() if entry.is_dir() and not entry.is_symlink())


def _gib(directory: Path) -> float:
    return sum(_sizes(directory)) / GIB


def _sizes(directory: Path) -> Iterator[int]:
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                yield os.lstat(os.path.join(folder, name)).st_blocks * 512
            except OSError:  # it went meanwhile
                continue


__all__ = ["KINDS", "look"]
