"""`python -m tooling.doctor [--engine cpu|vllm|trt] [--no-gpu] [--json]` says what would keep a server from running."""

import os
import sys

from tooling.doctor.command import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
