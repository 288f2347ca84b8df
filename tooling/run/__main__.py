"""`python -m tooling.run --cpu|--vllm|--trt [MODE] [QUANT] [CHAT [TOOL]] [FLAGS]` prepares and keeps a server."""

import os
import signal
import sys
from types import FrameType

from tooling.keeper import Keeper
from tooling.run.command import run
from tooling.run.demo import ensure


def _leave(number: int, frame: FrameType | None) -> None:
    """End while something is being prepared: what is half made, and who makes it, goes as after Ctrl+C."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `just run --plan | head` ends quietly
    signal.signal(signal.SIGTERM, _leave)  # until the keeper takes it over
    environ = os.environ  # noqa: TID251  # an entry module
    keeper = Keeper()
    keeper.follow_runner()
    sys.exit(run(sys.argv[1:], environ, ensure=ensure, serve=keeper.keep))
