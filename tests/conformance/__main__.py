"""`python -m tests.conformance [CASE ...]`: Autobahn's fuzzing client judges our WebSocket."""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.conformance import interpreter, report, site
from tests.conformance.autobahn import Fuzzer
from tests.conformance.selection import chosen
from tooling import ending, usage
from tooling.setup.progress import Progress

DESCRIPTION = """\
Judge our WebSocket by Autobahn's fuzzing client, without and with compression, an echo in the place of a session.
The client runs on a Python 2.7, which must be there; what else it needs is fetched into .venvs/autobahn."""
ENVIRONMENT = {"PATH": "where python2.7 is looked for", "PYENV_ROOT": "where else (default ~/.pyenv)"}
CODES = "0 no case failed, all were strict; 1 one was not, or a step failed; 2 usage; 3 no Python 2.7; 130 interrupted"


def grammar() -> argparse.ArgumentParser:
    """The command line."""
    parser = usage.parser("just autobahn", DESCRIPTION, environment=ENVIRONMENT, codes=CODES)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="a case (7.1.1) or a pattern ('5.*'); default: all")
    parser.add_argument("--quick", action="store_true", help="of the compression cases 36 that stand for all 216")
    parser.add_argument("--python", metavar="PATH", help="the Python 2.7 to use")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="clients at a time")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    return parser


def run(argv: Sequence[str], environ: Mapping[str, str], home: Path) -> int:
    """Judge, and say it; 1 if a case failed or was not strict. `home`: where the client's packages are or shall be."""
    parser = grammar()
    options = parser.parse_args(argv)
    if options.jobs < 1:
        parser.error("--jobs must be 1 or more")
    progress = Progress(sys.stderr, name="autobahn")
    python = interpreter.find(options.python, environ)
    fuzzer = Fuzzer(python.path, site.ensure(python, home, progress), lambda case: progress.tick(f"case {case}"))
    every, began, verdicts = fuzzer.cases(), time.monotonic(), []
    rounds = [
        (compressed, cases)
        for compressed in (False, True)
        if (cases := chosen(every, options.cases, quick=options.quick, compressed=compressed))
    ]
    progress.expect(len(rounds))
    for compressed, cases in rounds:
        with progress.step(f"{len(cases)} cases {'with' if compressed else 'without'} compression"):
            verdicts += fuzzer.judge(cases, compress=compressed, lanes=options.jobs)
    seconds = time.monotonic() - began
    print(report.as_json(verdicts, seconds) if options.json else "\n".join(report.lines(verdicts, seconds)))
    return int(not all(one.passed for one in verdicts))


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """The same; what ends it is told in sentences."""
    ending.tidy_up_when_ended()
    return ending.told("autobahn", lambda: run(argv, environ, site.HOME))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
