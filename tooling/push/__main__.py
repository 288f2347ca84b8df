"""`python -m tooling.push`: see `just push --help`."""

import io
import os
import signal
import sys
from types import FrameType

from tooling.push.command import run


def _leave(number: int, frame: FrameType | None) -> None:
    """End as after Ctrl+C: the worker too, and its job's files."""
    sys.exit(128 + number)


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a README may hold what this terminal cannot show
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `just push --quant --dry-run | head` ends quietly
    signal.signal(signal.SIGTERM, _leave)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # a closed terminal ends it alike, but under nohup
        signal.signal(signal.SIGHUP, _leave)
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
