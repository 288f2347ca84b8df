"""`python -m tooling.run --cpu|--vllm [MODE] [QUANT] [CHAT [TOOL]] [FLAGS]` prepares and becomes the server."""

import os
import sys

from tooling.run.command import run
from tooling.run.demo import ensure

if __name__ == "__main__":
    environ = os.environ  # noqa: TID251  # an entry module
    sys.exit(run(sys.argv[1:], environ, ensure=ensure, become=os.execve))
