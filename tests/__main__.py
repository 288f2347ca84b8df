"""`python -m tests [ARGUMENTS]`: the tests as `just test` runs them; arguments go to pytest.

Two runs. First what needs no real engine, by several workers, each taking whole files: most of these tests wait for
something, so that there is one worker more than cores. Then the tests marked `engine`, two files at a time: the start
of an engine, most of what they wait for, uses one core. What computes (an engine, a demo model that is trained once)
does not spin while it waits, nor claim cores of its own, or it would take five times as long beside the others. `-m`
narrows both; a run it leaves nothing for is left out or finds nothing, and only two of those are a failure. With
`--pdb` or `-s` there are no workers; `-n`, given, is their number.

Exit codes are pytest's; of two failures the first. What a run leaves behind (an interrupted one: servers) is ended.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from attrs import frozen

from tests.orphans import adopt, end_left, wait_for

NOTHING_FOUND = 5
SHARING = {"OMP_WAIT_POLICY": "PASSIVE", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
ENGINES = 2
"""At a time; each file that has one starts it."""
ENGINE = "engine"
APART = f"not {ENGINE}"


@frozen
class Asked:
    """What of pytest's arguments decides how it is run; `rest` are all but `-m`."""

    marks: str
    rest: tuple[str, ...]
    by_hand: bool
    stops: bool

    @classmethod
    def of(cls, arguments: Sequence[str]) -> "Asked":
        """Read them, as far as they matter here."""
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        parser.add_argument("-m", dest="marks", default="")
        found, rest = parser.parse_known_args(list(arguments))
        return cls(
            marks=found.marks,
            rest=tuple(rest),
            by_hand=any(one in {"-s", "--capture=no", "--pdb", "--trace"} for one in rest),
            stops=any(one in {"-x", "--exitfirst"} or one.startswith("--maxfail") for one in rest),
        )


def runs(arguments: Sequence[str], workers: int) -> list[list[str]]:
    """The arguments of each run of pytest, in their order."""
    asked = Asked.of(arguments)
    first = [*_spread(asked, workers), "-m", _both(asked.marks, APART), *asked.rest]
    second = [*_spread(asked, ENGINES), "-m", _both(asked.marks, ENGINE), *asked.rest]
    if asked.marks in {ENGINE, APART}:
        return [second] if asked.marks == ENGINE else [first]
    return [first, second]


def verdict(codes: Sequence[int]) -> int:
    """One exit code for all runs: the first failure's; nothing found is one if nothing was found at all."""
    return next((code for code in codes if code not in {0, NOTHING_FOUND}), min(codes))


def main(arguments: Sequence[str]) -> int:
    """Run pytest for each; an interrupted or misused one, or a failure where the first shall stop, is the last."""
    if {"-h", "--help"} & set(arguments):
        print(f"usage: {__doc__}\nWhat pytest takes: python -m pytest --help")
        return 0
    codes: list[int] = []
    goes_on = {0, NOTHING_FOUND} if Asked.of(arguments).stops else {0, 1, NOTHING_FOUND}
    environ = os.environ  # noqa: TID251  # an entry module
    adopt()
    for run in runs(arguments, workers=(os.cpu_count() or 1) + 1):
        around = {**environ, **(SHARING if "-n" in run else {})}
        codes.append(_pytest(run, around))
        if codes[-1] not in goes_on:
            break
    return verdict(codes)


def _pytest(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Its exit code. Ctrl+C reaches it by the terminal, and it tidies up by itself; a SIGTERM is passed on."""
    child = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], env=environ)

    def told(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGINT and child.returncode is None:
            os.kill(child.pid, number)  # `send_signal` would bury it, and `wait_for` wait for ever

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told)
    child.returncode = code = wait_for(child.pid)
    for command in end_left():
        print(f"left behind by the tests, and ended: {command}", file=sys.stderr)
    return code if code >= 0 else 128 - code


def _spread(asked: Asked, workers: int) -> list[str]:
    return [] if asked.by_hand else ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]


def _both(asked: str, ours: str) -> str:
    return f"({asked}) and {ours}" if asked else ours


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
