"""`python -m tooling.trt quantize|build [QUANT] CHAT`: makes checkpoints and engines for TensorRT-LLM."""

import os
import signal
import sys
from types import FrameType

from tooling.trt.command import run


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `just build-trt ... --plan | head` ends quietly
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # a closed terminal ends it alike, but under nohup
        signal.signal(signal.SIGHUP, _end)
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251
