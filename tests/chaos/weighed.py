"""`python -m tests.chaos.weighed`: `python -m runtime`, which says how much it keeps when it is asked.

At a SIGUSR1 it collects its garbage and writes how many blocks of memory Python has allocated for objects
(`sys.getallocatedblocks`) into the file that `CHAOS_KEPT` names. Resident memory tells less: cycles wait for a full
collection, and an arena stays as long as one object in it does.
"""

import gc
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from tooling.benchmarks.serving.dummy_weights import start

KEPT = "CHAOS_KEPT"


def answer(file: Path) -> None:
    """Answer from now on."""

    def weigh(_number: int, _frame: FrameType | None) -> None:
        gc.collect()
        half_written = file.with_suffix(".new")
        half_written.write_text(str(sys.getallocatedblocks()), "ascii")
        half_written.replace(file)

    signal.signal(signal.SIGUSR1, weigh)


if __name__ == "__main__":
    answer(Path(os.environ[KEPT]))  # noqa: TID251 - an entry module
    sys.exit(start("auto"))
