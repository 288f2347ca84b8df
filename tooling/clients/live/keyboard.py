"""Lines typed at a terminal or piped in, read without blocking the loop and without a thread that outlives it."""

import os
from collections.abc import AsyncIterator

import trio

BLOCK_BYTES = 4096


async def lines(descriptor: int) -> AsyncIterator[str]:
    """The lines of a file descriptor until its end, line ends removed. Editing is the terminal's own."""
    pending = b""
    while True:
        try:
            await trio.lowlevel.wait_readable(descriptor)
        except PermissionError:  # the kernel waits for no plain file and not for /dev/null, which always have an answer
            await trio.lowlevel.checkpoint()
        block = os.read(descriptor, BLOCK_BYTES)
        *whole, pending = (pending + block).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
        if not block:
            break
    if pending:
        yield pending.decode("utf-8", "replace")


__all__ = ["lines"]
