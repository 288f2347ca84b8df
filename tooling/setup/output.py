"""What a child process prints, line by line while it runs."""

import os
import select
import subprocess
from collections.abc import Iterator

QUIET_S = 1.0


def lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """The lines a process prints, and an empty one whenever it has printed nothing for a while."""
    assert process.stdout is not None
    pending = b""
    while True:
        if not select.select([process.stdout], [], [], QUIET_S)[0]:
            yield ""
            continue
        block = os.read(process.stdout.fileno(), 65536)
        if not block:
            break
        *whole, pending = (pending + block).split(b"\n")
        yield from (line.decode("utf-8", "replace").rstrip() for line in whole)
    yield pending.decode("utf-8", "replace").rstrip()


__all__ = ["lines"]
