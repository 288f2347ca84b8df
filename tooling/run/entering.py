"""How the programs that launch begin: signals before there is anything to end, and other environments' interpreters."""

import io
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tooling.ending import tidy_up_when_ended
from tooling.keeper import Keeper
from tooling.logs.command import show
from tooling.refusal import FAILED, Refusal
from tooling.run.command import Ways
from tooling.run.demo import ensure

LINES = 20
"""Of what came before the server was ready."""


def enter(
    module: str,
    argv: Sequence[str],
    environ: Mapping[str, str],
    work: Callable[[Sequence[str], Mapping[str, str], Ways], int],
) -> int:
    """Do the work of a program; its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may hold what this terminal cannot show
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `just run --plan | head` ends quietly
    tidy_up_when_ended()  # until the keeper takes it over

    def become(python: Path) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(python, [str(python), "-m", module, *argv], dict(environ))  # noqa: S606  # our own program

    return work(argv, environ, Ways(ensure=ensure, keeper=Keeper, follow=follow, become=become))


def follow(log: Path) -> int:
    """Show a log as it grows, until Ctrl+C, which leaves the server alone."""
    try:
        show(log, LINES, follows=True)
    except KeyboardInterrupt:
        pass
    except OSError as error:
        raise Refusal(f"{log} cannot be read: {error.strerror or error}; the server runs on", FAILED) from None
    return 0


__all__ = ["enter"]
