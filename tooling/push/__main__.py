"""`python -m tooling.push`: see `just push --help`."""

import os
import sys

from tooling.push.command import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
