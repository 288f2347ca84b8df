"""`python -m tooling.restart [MODE] [QUANT] [CHAT [TOOL]] [FLAGS]` starts the last server again, changed as named."""

import os
import sys
from collections.abc import Mapping, Sequence

from tooling.run.command import Ways
from tooling.run.entering import enter
from tooling.run.restarting import restart
from tooling.stop import stop


def main(argv: Sequence[str], environ: Mapping[str, str], ways: Ways) -> int:
    """Run the command; the exit code."""
    return restart(argv, environ, ways, stop)


if __name__ == "__main__":
    sys.exit(enter("tooling.restart", sys.argv[1:], os.environ, main))  # noqa: TID251  # an entry module
