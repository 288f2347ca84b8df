"""`python -m tests.simulation`: run the whole server under simulated load, one history for each seed."""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from tests.simulation.campaign import Finding, Result, campaign, look_into
from tests.simulation.mutations.command import run as self_test
from tests.simulation.plan import load
from tooling import ending, usage

PROG = "just simulate"
ABOUT = "Run the whole server under simulated load, in virtual time: one history for each seed."
CODES = "0 all invariants held, 1 one was broken, 2 usage, 130 interrupted"
SHOWN_LINES = 120


def main(argv: Sequence[str]) -> int:
    """Exit code."""
    parser = usage.parser(PROG, ABOUT, codes=CODES)
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="how many seeds (200)")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="S", help="the first of them (0)")
    parser.add_argument("--fails", type=int, default=1, metavar="N", help="stop at so many failures (1); 0: run all")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run a saved plan instead, and show its trace")
    parser.add_argument(
        "--self-test", nargs="*", metavar="NAME", help="try mutations of the product (all): each must be caught"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="mutations tried at a time")
    parser.add_argument("--json", action="store_true", help="one object for programs")
    asked = parser.parse_args(argv)
    structlog.configure(processors=[_drop])
    seeds = range(asked.first, asked.first + asked.seeds)
    if asked.replay is not None:
        return _replay(asked.replay)
    if asked.self_test is not None:
        return ending.told(PROG, lambda: self_test(asked.self_test, seeds, asked.jobs, as_json=asked.json))

    def told(done: int, failed: int) -> None:
        if sys.stderr.isatty() or done == asked.seeds:
            end = "\n" if done == asked.seeds else "\r"
            print(f"{done} of {asked.seeds} seeds, {failed} failed", end=end, file=sys.stderr, flush=True)

    result = campaign(seeds, told, at_most=asked.fails)
    if asked.json:
        print(_json(result))
    else:
        _show(result)
    return int(bool(result.findings))


def _replay(path: Path) -> int:
    try:
        case = load(path)
    except (OSError, msgspec.MsgspecError) as error:
        print(f"{PROG}: {path} is no saved plan: {error}", file=sys.stderr)
        return 2
    finding = look_into(case.plan)
    if finding is None:
        print(f"all invariants held; it once found: {case.found}")
        return 0
    _tell(finding)
    return 1


def _show(result: Result) -> None:
    where = Path(tempfile.gettempdir())
    for finding in result.findings:
        _tell(finding)
        print(f"again: {PROG} --from {finding.plan.seed} --seeds 1")
        print(f"again: {PROG} --replay {finding.save(where)}\n")
    print(f"{result.seeds} seeds, {len(result.findings)} failed, {result.rate:.1f} a second")


def _tell(finding: Finding) -> None:
    left_out = len(finding.lines) - SHOWN_LINES
    if left_out > 0:
        print(f"... {left_out} lines before")
    print("\n".join(finding.lines[-SHOWN_LINES:]))
    print(f"seed {finding.plan.seed} broke {finding.found}")


def _json(result: Result) -> str:
    failures = [
        {
            "seed": finding.plan.seed,
            "invariant": finding.breach.name,
            "detail": finding.breach.detail,
            "plan": msgspec.to_builtins(finding.plan),
        }
        for finding in result.findings
    ]
    return json.dumps(
        {
            "seeds": result.seeds,
            "seconds": round(result.seconds, 3),
            "seeds_per_second": round(result.rate, 2),
            "failures": failures,
        }
    )


def _drop(_logger: WrappedLogger, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
