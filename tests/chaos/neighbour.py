"""`python -m tests.chaos.neighbour`: another program on the server's GPU, which takes all of its memory that is left.

It says whether there is a device, takes the memory at a first byte of its input, and gives it back at the input's end.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from tests.e2e.program import ROOT

PIECES = (1 << 30, 1 << 26, 1 << 21)
READY = "ready"
PATIENCE_S = 30.0
"""For taking it, and for giving it back."""


@frozen
class Neighbour:
    """The running program. `has_device`: whether PyTorch finds a GPU in this environment."""

    process: subprocess.Popen[str]
    has_device: bool

    def take(self) -> int:
        """All that the device has left; how many MiB that was. Blocks."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("x")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def leave(self) -> None:
        """Give it back. Blocks."""
        self.process.communicate(timeout=PATIENCE_S)


@contextmanager
def neighbour() -> Iterator[Neighbour]:
    """It is there, and has nothing yet."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd=ROOT,
        # Pieces as large as they are asked for, so that nothing is left.
        env={**os.environ, "PYTORCH_NO_CUDA_MEMORY_CACHING": "1"},  # noqa: TID251 - the program's, passed on
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Neighbour(process, process.stdout.readline().strip() == READY)
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    """The program."""
    import torch

    if not torch.cuda.is_available():
        print("none", flush=True)
        return
    torch.cuda.init()
    print(READY, flush=True)
    taken = []
    if not os.read(0, 1):
        return
    for size in PIECES:
        try:
            for _ in range(torch.cuda.mem_get_info()[0] // size):
                taken.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
        except RuntimeError:  # the cache, which is off, has a class of its own for it
            continue  # a smaller piece may still fit
    print(sum(piece.numel() for piece in taken) >> 20, flush=True)
    os.read(0, 1)


if __name__ == "__main__":
    main()
