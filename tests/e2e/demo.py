"""The demo chat model, shared with `just demo` and with whoever else wants it at the same time."""

import sys
from pathlib import Path

from tests.e2e.program import run_yielding

TRAINING_S = 1200.0


def demo_chat() -> Path:
    """Where it is; trained now where there is none yet, which takes a minute or two of two idle cores."""
    return Path(run_yielding([sys.executable, "-m", "tooling.demo", "chat"], TRAINING_S).splitlines()[-1])


__all__ = ["demo_chat"]
