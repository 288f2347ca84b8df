"""`python -m tooling.clients.bench`: many conversations at once; latencies, rates, and how sure they are."""

import os
import sys
from collections.abc import Sequence

from tooling.clients.bench.grammar import grammar
from tooling.clients.bench.running import measure
from tooling.clients.options import Environ
from tooling.clients.program import Client, run

BENCH = Client(name="bench", grammar=grammar, talk=measure)


def main(argv: Sequence[str], environ: Environ) -> int:
    """Run and return the exit code; every failure is a line on stderr, never a traceback."""
    return run(BENCH, argv, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
