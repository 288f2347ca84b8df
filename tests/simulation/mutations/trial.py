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

NICENESS = 5
CPU_S = 30.0
"""Of the processor, for one seed; a mutated server may spin. A whole one takes a tenth of a second."""
SPINS = "spins"
ENDLESS = f"no end after {CPU_S:g} s of the processor"
LOWEST = ("engines/", "protocol/")
KEPT = ("engines", "protocol", "tests.toy")
"""The toy's tokenizer takes longer to load than most mutations to be caught."""


class Spinning(BaseException):
    """A seed takes the processor for too long; nobody on the way catches it."""


def trial(tree: Path, changed: Sequence[str], seeds: Sequence[int], results: Connection) -> None:
    """Send (seed, invariant, detail) after every seed, "" for one that held, until one does not.

    `changed`: the files of the tree that are not those of this one.
    """
    os.nice(NICENESS)
    signal.signal(signal.SIGPROF, _spinning)
    for seed, invariant, detail in _seeds(tree, changed, seeds):
        results.send((seed, invariant, detail))
        if invariant:
            return


def _seeds(tree: Path, changed: Sequence[str], seeds: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    _enter(tree, changed)
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
        yield seed, SPINS, ENDLESS
    except BaseExceptionGroup as group:  # it may have come while a nursery was waiting for its tasks
        spins = group.subgroup(Spinning) is not None
        yield (seed, SPINS, ENDLESS) if spins else (seed, "simulator", repr(group))
    except Exception as error:
        yield seed, "simulator", repr(error)


def _enter(tree: Path, changed: Sequence[str]) -> None:
    """From here on, our packages are those of the other tree; the lowest stay where nothing of them is changed."""
    os.chdir(tree)
    sys.path[:] = [str(tree), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    kept = () if any(file.startswith(LOWEST) for file in changed) else KEPT
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES and not name.startswith(kept)]:
        del sys.modules[name]


def _spinning(_number: int, _frame: FrameType | None) -> None:
    raise Spinning


__all__ = ["SPINS", "trial"]
