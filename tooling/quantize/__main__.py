"""`python -m tooling.quantize [4bit|8bit] CHAT [FLAGS]` makes a quantised export for vLLM and says where it is."""

import os
import sys
from pathlib import Path

from tooling.ending import tidy_up_when_ended
from tooling.quantize.command import run

if __name__ == "__main__":
    tidy_up_when_ended()
    sys.exit(run(sys.argv[1:], os.environ, Path.cwd()))  # noqa: TID251  # an entry module
