"""`python -m tooling.quantize [4bit|8bit] CHAT [FLAGS]` makes a quantised export for vLLM and says where it is."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from tooling.quantize.command import run


def _leave(number: int, frame: FrameType | None) -> None:
    """End as after Ctrl+C: what is half made goes, and who makes it."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # a closed terminal ends it alike, but under nohup
        signal.signal(signal.SIGHUP, _leave)
    sys.exit(run(sys.argv[1:], os.environ, Path.cwd()))  # noqa: TID251  # an entry module
