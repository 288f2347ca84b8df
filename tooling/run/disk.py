"""Whether the disks can take what a launch will write, told for all of it before any of it is begun."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from tooling.refusal import REFUSED, Refusal

GB = 1e9
MARGIN_BYTES = 256 << 20
"""Left over on every disk: logs, locks, and what other programs write meanwhile."""


@frozen
class Need:
    """Something that will be written. `size`: bytes; `place`: where, it need not exist yet."""

    what: str
    place: Path
    size: int


@frozen
class Room:
    """What a disk has. `disk`: its number; `free`: bytes."""

    disk: int
    free: int


def room_at(place: Path) -> Room | None:
    """The disk that a place is on, or will be; None where that cannot be looked at."""
    for above in (place, *place.absolute().parents):
        try:
            found = os.statvfs(above)
            return Room(above.stat().st_dev, found.f_bavail * found.f_frsize)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
    return None


def complaints(needs: Sequence[Need], look: Callable[[Path], Room | None] = room_at) -> list[Refusal]:
    """One for each disk that is too small, with what would be written there and how much is free."""
    by_disk: dict[int, list[Need]] = {}
    free: dict[int, int] = {}
    for need in needs:
        room = look(need.place) if need.size else None
        if room is not None:
            by_disk.setdefault(room.disk, []).append(need)
            free[room.disk] = room.free
    return [
        _too_small(there, free[disk])
        for disk, there in by_disk.items()
        if sum(need.size for need in there) + MARGIN_BYTES > free[disk]
    ]


def unwritable_home(home: Path) -> list[Refusal]:
    """Why nothing can be kept in a home, which need not exist yet."""
    above = next((place for place in (home, *home.parents) if os.path.exists(place)), home)
    if os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK):
        return []
    return [Refusal(f"YAP_HOME={home} cannot be written: name another directory", REFUSED)]


def unwritable(home: Path, log: Path) -> list[Refusal]:
    """Why nothing can be kept in a home, or said in a log: told before a server that runs is stopped."""
    found = unwritable_home(home)
    is_new = not os.path.exists(log)
    if os.path.isdir(log) or not os.path.isdir(log.parent) or not os.access(log.parent if is_new else log, os.W_OK):
        found.append(
            Refusal(f"the log {log} cannot be written: name another file with --log-file or YAP_LOG_FILE", REFUSED)
        )
    return found


def _too_small(needs: Sequence[Need], free: int) -> Refusal:
    parts = ", ".join(f"{need.what} {need.size / GB:.1f} GB" for need in needs)
    places = ", ".join(dict.fromkeys(str(need.place) for need in needs))
    return Refusal(
        f"not enough room at {places}: {free / GB:.1f} GB are free, and this needs {parts}; free some, or name another "
        "disk (YAP_HOME for what is made, HF_HOME for downloads)",
        REFUSED,
    )


__all__ = ["MARGIN_BYTES", "Need", "Room", "complaints", "room_at", "unwritable", "unwritable_home"]
