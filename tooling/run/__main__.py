"""`python -m tooling.run [--cpu|--vllm|--trt] [MODE] [QUANT] [CHAT [TOOL]] [FLAGS]` prepares and keeps a server."""

import os
import sys

from tooling.run.command import run
from tooling.run.entering import enter

if __name__ == "__main__":
    sys.exit(enter("tooling.run", sys.argv[1:], os.environ, run))  # noqa: TID251  # an entry module
