"""`python -m tooling.audit [ENVIRONMENT ...] [--sbom FILE] [--offline] [--json]` holds the locks against advisories."""

import os
import sys

from tooling.audit.command import run
from tooling.ending import tidy_up_when_ended

if __name__ == "__main__":
    tidy_up_when_ended()
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
