"""`python -m tooling.logs [-n N] [--head N] [--no-follow] [--port N]` shows the log of a server."""

import os
import signal
import sys
from pathlib import Path

from tooling.logs.command import run

if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `just logs | head` ends quietly
    sys.exit(run(sys.argv[1:], os.environ, Path.cwd()))  # noqa: TID251  # an entry module
