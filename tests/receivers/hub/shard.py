"""What an uploaded shard says: which chunks of which blocks a file consists of.

Records of 48 bytes after a header of that size, until one whose hash is all ones: of each file its own, one for each
piece, then as many to verify them by, then its SHA-256, as far as the flags say that these are there.
"""

import struct
from collections.abc import Mapping

from attrs import frozen

RECORD = 48
VERIFIED, DESCRIBED = 1 << 31, 1 << 30
END = b"\xff" * 32


@frozen
class Segment:
    """Chunks of a block, from `begin` up to and without `end`. `block`: its hash, as it stands in addresses."""

    block: str
    begin: int
    end: int


def files_of(shard: bytes) -> Mapping[str, list[Segment]]:
    """The pieces of each file, by its SHA-256."""
    found: dict[str, list[Segment]] = {}
    at = RECORD
    while at + RECORD <= len(shard) and shard[at : at + 32] != END:
        flags, count = struct.unpack_from("<2I", shard, at + 32)
        at += RECORD
        segments = []
        for place in range(at, at + count * RECORD, RECORD):
            begin, end = struct.unpack_from("<2I", shard, place + 40)
            segments.append(Segment(_name(shard, place), begin, end))
        at += count * RECORD * (2 if flags & VERIFIED else 1)
        if flags & DESCRIBED:
            found[_name(shard, at)] = segments
            at += RECORD
    return found


def _name(shard: bytes, at: int) -> str:
    """A hash as it is written: four numbers of eight bytes."""
    return "".join(f"{number:016x}" for number in struct.unpack_from("<4Q", shard, at))


__all__ = ["Segment", "files_of"]
