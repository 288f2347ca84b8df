"""Seeds run in a changed tree: in a forked process, which forgets the tree it came from and imports the changed one."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from tests.simulation.mutations.tree import PACKAGES, ROOT

NICENESS = 10
CPU_S = 30.0
"""Of the processor, for one seed; a mutated server may spin. A whole one takes a tenth of a second."""
SPINS = "spins"


class Spinning(BaseException):
    """A seed takes the processor for too long; nobody on the way catches it."""


def trial(tree: Path, seeds: Sequence[int], results: Connection) -> None:
    """Send (seed, invariant, detail) after every seed, "" for one that held, until one does not."""
    os.nice(NICENESS)
    signal.signal(signal.SIGPROF, _spinning)
    for seed, invariant, detail in _seeds(tree, seeds):
        results.send((seed, invariant, detail))
        if invariant:
            return


def _seeds(tree: Path, seeds: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    _enter(tree)
    seed = seeds[0]
    try:
        signal.setitimer(signal.ITIMER_PROF, CPU_S)
        run, plan_of = (
            import_module("tests.simulation.run").run,
            import_module("tests.simulation.planning").plan_of,
        )
        for seed in seeds:
            signal.setitimer(signal.ITIMER_PROF, CPU_S)
            breach = run(plan_of(seed)).breach
            yield (seed, "", "") if breach is None else (seed, breach.name, breach.detail)
    except Spinning:
        yield seed, SPINS, f"no end after {CPU_S:g} s of the processor"
    except Exception as error:
        yield seed, "simulator", repr(error)


def _enter(tree: Path) -> None:
    """From here on, our packages are those of the other tree."""
    os.chdir(tree)
    sys.path[:] = [str(tree), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]


def _spinning(_number: int, _frame: FrameType | None) -> None:
    raise Spinning


__all__ = ["SPINS", "trial"]
