"""`python -m tooling.trt quantize|build [QUANT] CHAT`: makes checkpoints and engines for TensorRT-LLM."""

import os
import signal
import sys

from tooling.ending import tidy_up_when_ended
from tooling.trt.command import run

if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `just build-trt ... --plan | head` ends quietly
    tidy_up_when_ended()
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251
