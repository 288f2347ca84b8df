"""`python -m tooling.run --cpu|--vllm|--trt [MODE] [QUANT] [CHAT [TOOL]] [FLAGS]` prepares and keeps a server."""

import os
import signal
import sys

from tooling.keeper import Keeper
from tooling.run.command import run
from tooling.run.demo import ensure

if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `just run --plan | head` ends quietly
    environ = os.environ  # noqa: TID251  # an entry module
    keeper = Keeper()
    keeper.follow_runner()
    sys.exit(run(sys.argv[1:], environ, ensure=ensure, serve=keeper.keep))
