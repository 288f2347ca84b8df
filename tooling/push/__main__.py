"""`python -m tooling.push`: see `just push --help`."""

import io
import os
import signal
import sys

from tooling.ending import tidy_up_when_ended
from tooling.push.command import run

if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a README may hold what this terminal cannot show
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `just push --quant --dry-run | head` ends quietly
    tidy_up_when_ended()
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
