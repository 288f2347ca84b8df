"""`python -m tooling.trt quantize|build [QUANT] CHAT`: makes checkpoints and engines for TensorRT-LLM."""

import os
import signal
import sys
from types import FrameType

from tooling.trt.command import run

TERMINATED = 143


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `just build-trt ... --plan | head` ends quietly
    signal.signal(signal.SIGTERM, _end)
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251
