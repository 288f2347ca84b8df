"""The first and the last lines of a log, older files of it included where the present one is too short."""

import os
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import BinaryIO

from tooling.keeper.logfile import numbered

BLOCK_BYTES = 1 << 16


def files(path: Path) -> Iterator[Path]:
    """The log and its older files, the newest first, as far as they are there.

    While they are being renamed one is missing in between.
    """
    yield path
    missing = 0
    for number in count(1):
        older = numbered(path, number)
        missing = 0 if older.is_file() else missing + 1
        if missing > 1:
            return
        if not missing:
            yield older


def first_lines(path: Path, lines: int) -> Iterator[bytes]:
    """The log's first lines, which are in its oldest file; each with its end. Raises `OSError`."""
    left = lines
    for file in reversed(list(files(path))):
        with file.open("rb") as stream:
            for line in islice(stream, left):
                yield line
                left -= 1


def last_lines(path: Path, lines: int) -> tuple[list[bytes], BinaryIO | None]:
    """The log's last lines, each with its end, and the present file, open where they end; the caller closes it.

    None where there is no present file. Raises `OSError`.
    """
    found: list[bytes] = []
    present: BinaryIO | None = None
    seen: set[int] = set()
    for file in files(path):
        try:
            stream = file.open("rb")
        except FileNotFoundError:
            continue  # it is being rotated
        if (inode := os.fstat(stream.fileno()).st_ino) in seen:
            stream.close()  # it was rotated since
            continue
        seen.add(inode)
        end = stream.seek(0, 2)
        found = [*_tail(stream, end, lines - len(found)), *found]
        if present is None and file == path:
            present = stream
            present.seek(end)
        else:
            stream.close()
        if len(found) >= lines:
            break
    return found, present


def _tail(stream: BinaryIO, end: int, lines: int) -> list[bytes]:
    """The last lines before a place in a file, without reading what comes before them."""
    if lines <= 0:
        return []
    data, begin = b"", end
    while begin > 0 and data.count(b"\n") <= lines:
        size = min(BLOCK_BYTES, begin)
        begin -= size
        stream.seek(begin)
        data = stream.read(size) + data
    return data.splitlines(keepends=True)[-lines:]


__all__ = ["files", "first_lines", "last_lines"]
