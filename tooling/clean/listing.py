"""What could be deleted below a home, and what stays with the reason. Reads only; links are never followed."""

import enum
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from attrs import frozen

from tooling.cache import is_complete
from tooling.cache.locking import is_held, lock_of

KINDS = {
    "quant": ("quant",),
    "engines": ("trt/engines", "trt/checkpoints"),
    "models": ("models",),
}
EVERYTHING = "all"
_ENTRY = re.compile(r".+-(?P<key>[0-9a-f]{16})(?:(?:\.replaced)?\.partial-\d+)?")


class Stays(enum.Enum):
    """Why something is not deleted."""

    IN_USE = "in use by a running server"
    BEING_MADE = "being made"
    LINK = "a link, which is not followed"
    FOREIGN = "not made here"


@frozen(kw_only=True)
class Item:
    """Something in one of our caches. `size`: bytes; `whole`: a complete entry; `stays`: why, None if it can go."""

    path: Path
    key: str = ""
    size: int = 0
    whole: bool = False
    stays: Stays | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether it stays because somebody needs it, and not because it is none of ours."""
        return self.stays in (Stays.IN_USE, Stays.BEING_MADE)


def listed(home: Path, what: str, used: Collection[Path]) -> tuple[Item, ...]:
    """Everything of a kind, or of all kinds. `used`: paths that running servers name. Raises `OSError`."""
    kinds = [kind for name, kinds in KINDS.items() if what in (name, EVERYTHING) for kind in kinds]
    return tuple(item for kind in kinds for item in _of_kind(home, home / kind, used))


def size_of(path: Path) -> int:
    """Bytes of all files below, links as links."""
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(path) for name in names)


def _of_kind(home: Path, place: Path, used: Collection[Path]) -> Iterator[Item]:
    # A link on the way to it would lead out of the home.
    on_the_way = [part for part in (place, *place.parents) if part != home and part.is_relative_to(home)]
    if link := next((part for part in on_the_way if part.is_symlink()), None):
        yield Item(path=link, stays=Stays.LINK)
        return
    for path in sorted(place.iterdir()) if place.is_dir() else []:
        yield _item(home, path, used)


def _item(home: Path, path: Path, used: Collection[Path]) -> Item:
    match = _ENTRY.fullmatch(path.name)
    if path.is_symlink():
        return Item(path=path, stays=Stays.LINK)
    if match is None or not path.is_dir():
        return Item(path=path, stays=Stays.FOREIGN)
    stays = None
    if any(one.is_relative_to(path) for one in used):
        stays = Stays.IN_USE
    elif is_held(lock_of(path.parent, home, match["key"])):
        stays = Stays.BEING_MADE
    return Item(path=path, key=match["key"], size=size_of(path), whole=is_complete(path), stays=stays)


__all__ = ["EVERYTHING", "KINDS", "Item", "Stays", "listed", "size_of"]
