"""Commands for people: set-up, launch, demo checkpoints, clients, benchmarks, diagnostics."""

import sys
from types import TracebackType

from runtime import streams

INTERRUPTED = 130
MODULE_BEING_FOUND = "-m"  # what stands in argv[0] while `python -m` imports the packages around a program


def tell_uncaught(kind: "type[BaseException]", error: BaseException, trace: "TracebackType | None") -> None:
    """As the interpreter tells what nobody caught; of Ctrl+C, one line and the exit code that shells give it.

    In syntax that old interpreters read: one of them has yet to say that it is too old (`tooling.setup.interpreter`).
    """
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    if sys.stderr is not None:
        print("interrupted", file=sys.stderr)
    sys.exit(INTERRUPTED)


if sys.argv[:1] == [MODULE_BEING_FOUND]:
    streams.provide()
    # A program's own imports take longest, and it cannot catch anything yet.
    sys.excepthook = tell_uncaught

__all__ = ["INTERRUPTED", "tell_uncaught"]
