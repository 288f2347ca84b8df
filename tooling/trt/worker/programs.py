"""The library's programs as a worker runs them: they speak for themselves, and do not outlive it."""

import ctypes
import signal
import subprocess
from collections.abc import Mapping, Sequence

from tooling.preparing.worker import PR_SET_PDEATHSIG


def run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit code of a program; whatever ends us ends it, so that none is left on the GPU."""
    die_with_us = ctypes.CDLL(None).prctl
    done = subprocess.run(
        list(command),
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        check=False,
        preexec_fn=lambda: die_with_us(PR_SET_PDEATHSIG, int(signal.SIGKILL)),  # one thread
    )
    return done.returncode


__all__ = ["run"]
