"""What a keyboard sends; and lines typed at a plain terminal or piped in, read without blocking the loop."""

import enum
import os
from collections.abc import AsyncIterator

import trio

BLOCK_BYTES = 4096


class Key(enum.Enum):
    """What a keyboard can send besides lines."""

    INTERRUPT = "Ctrl+C"
    END = "end of input"
    GONE = "the terminal is gone"


async def lines_of(descriptor: int) -> AsyncIterator[str]:
    """The lines of a file descriptor until its end, line ends removed. Editing is the terminal's own.

    No thread is needed, which would outlive the loop.
    """
    pending = b""
    while True:
        try:
            await trio.lowlevel.wait_readable(descriptor)
        except PermissionError:  # the kernel waits for no plain file and not for /dev/null, which always have an answer
            await trio.lowlevel.checkpoint()
        try:
            block = os.read(descriptor, BLOCK_BYTES)
        except OSError:  # the terminal is gone, or belongs to somebody else now: nothing more can be typed
            block = b""
        *whole, pending = (pending + block).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
        if not block:
            break
    if pending:
        yield pending.decode("utf-8", "replace")


__all__ = ["Key", "lines_of"]
