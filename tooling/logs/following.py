"""What is appended to a log, as it comes: across rotations, moves and truncations, and without losing a line."""

import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from attrs import define, field

from tooling.logs.reading import files

POLL_MS = 100
STANDARD_OUTPUT = 1
READ_BYTES = 1 << 18
Write = Callable[[bytes], None]


@define(eq=False)
class Follower:
    """Reads on where a file is renamed (`.1`, `.2` ...) and another takes its name. `write` gets bytes as they come.

    `stream`: the present file, open where to begin; None: from the beginning of what will be there.
    """

    path: Path
    write: Write
    stream: BinaryIO | None
    _moved: bool = field(default=False, init=False)

    def step(self) -> bool:
        """Pass on what is there; False if there was nothing new."""
        if self.stream is None:
            self.stream = _opened(self.path)
            return self.stream is not None
        size = os.fstat(self.stream.fileno()).st_size
        if size < self.stream.tell():
            self.stream.seek(0)  # it was emptied, and what is in it now is new
        if data := self.stream.read(READ_BYTES):
            self.write(data)
            self._moved = False
            return True
        return self._move_on()

    def _move_on(self) -> bool:
        """Where another file has the name by now, go on in the one that was begun after ours."""
        assert self.stream is not None
        ours = _identity(self.stream)
        newer, is_next = self._newer(ours)
        if newer is None:
            return False
        if not self._moved:
            # Whoever writes may have written to the old file until just now: look at it once more.
            self._moved = True
            newer.close()
            return True
        if not is_next:
            self.write(b"... (lines are missing: they were rotated away)\n")
        self._moved = False
        self.stream.close()
        self.stream = newer
        return True

    def _newer(self, ours: tuple[int, int]) -> tuple[BinaryIO | None, bool]:
        """The file that follows ours, opened, None if ours is the newest; and whether nothing was between the two.

        Looked at from the newest to the oldest, like the renames go: a file is then seen twice, or not missed.
        """
        newer: BinaryIO | None = None
        for path in files(self.path):
            stream = _opened(path)
            if stream is None:
                continue
            identity = _identity(stream)
            if identity == ours:
                stream.close()
                return newer, True
            if newer is not None:
                if identity == _identity(newer):
                    stream.close()
                    continue
                newer.close()
            newer = stream
        return newer, False


def follow(path: Path, write: Write, stream: BinaryIO | None, reader: int = STANDARD_OUTPUT) -> None:
    """Show what comes until Ctrl+C, which raises `KeyboardInterrupt`, or until nobody reads any more.

    `reader`: the descriptor that `write` writes to. Of a silent log its far end would otherwise never be missed, and
    `just logs | head` would stay.
    """
    follower = Follower(path, write, stream)
    gone = select.poll()
    gone.register(reader, 0)  # errors and hang-ups are told of without being asked for
    try:
        while not gone.poll(0 if follower.step() else POLL_MS):
            pass
    finally:
        if follower.stream is not None:
            follower.stream.close()


def _opened(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except OSError:
        return None  # it is being rotated, or not there yet


def _identity(stream: BinaryIO) -> tuple[int, int]:
    found = os.fstat(stream.fileno())
    return found.st_dev, found.st_ino


__all__ = ["Follower", "follow"]
