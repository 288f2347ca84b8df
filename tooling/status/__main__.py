"""`python -m tooling.status [--port N] [--json]` says what runs here."""

import os
import signal
import sys

from tooling.status.command import run

if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `just status | head` ends quietly
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
