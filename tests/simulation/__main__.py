"""`python -m tests.simulation`: run the whole server under simulated load, one history for each seed."""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.simulation.campaign import Finding, Result, campaign, corpus, look_into, quiet
from tests.simulation.mutations.command import run as self_test
from tests.simulation.plan import load
from tests.simulation.progress import Progress
from tooling import ending, usage

PROG = "just simulate"
ABOUT = """Run the whole server under simulated load, in virtual time: one history for each seed. What was found before
(tests/simulation/corpus) is run first. A failing history is made as small as it gets, and shown."""
CODES = "0 all invariants held, 1 one was broken, 2 usage, 130 interrupted"
SHOWN_LINES = 200


def main(argv: Sequence[str]) -> int:
    """Exit code."""
    parser = usage.parser(PROG, ABOUT, codes=CODES)
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="how many seeds (200)")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="S", help="the first of them (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="processes (one a core)")
    parser.add_argument("--fails", type=int, default=1, metavar="N", help="stop at so many failures (1); 0: run all")
    parser.add_argument("--whole", action="store_true", help="do not make failing histories smaller")
    parser.add_argument("--no-corpus", action="store_true", help="leave out what was found before")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run a saved history instead, and show it")
    parser.add_argument(
        "--self-test", nargs="*", metavar="NAME", help="try mutations of the product (all): each must be caught"
    )
    parser.add_argument("--json", action="store_true", help="one object for programs")
    asked = parser.parse_args(argv)
    ending.tidy_up_when_ended()
    quiet()
    seeds = range(asked.first, asked.first + asked.seeds)
    if asked.replay is not None:
        return _replay(asked.replay)
    if asked.self_test is not None:
        return ending.told(PROG, lambda: self_test(asked.self_test, seeds, asked.jobs, as_json=asked.json))

    progress = Progress(asked.seeds)

    def told(done: int, found: Sequence[Finding]) -> None:
        for finding in found:
            print(f"seed {finding.plan.seed} broke {finding.found}", file=sys.stderr)
        progress.tell(done)

    known = [] if asked.no_corpus else [found for case in corpus().values() if (found := look_into(case.plan))]
    result = campaign(seeds, told, at_most=asked.fails, jobs=max(1, asked.jobs))
    findings = [*known, *result.findings]
    if not asked.whole:
        findings = [finding.smaller() for finding in findings]
    print(_json(result, findings) if asked.json else _shown(result, findings))
    return int(bool(findings))


def _replay(path: Path) -> int:
    try:
        case = load(path)
    except (OSError, msgspec.MsgspecError) as error:
        print(f"{PROG}: {path} is no saved history: {error}", file=sys.stderr)
        return 2
    finding = look_into(case.plan)
    if finding is None:
        print(f"all invariants held; it once found: {case.found}")
        return 0
    print(_told(finding))
    return 1


def _shown(result: Result, findings: Sequence[Finding]) -> str:
    parts = []
    for finding in findings:
        path = finding.save(Path(tempfile.mkdtemp(prefix="simulation-")))
        parts.append(f"{_told(finding)}\nagain: {PROG} --replay {path}\n")
    parts.append(f"{result.seeds} seeds, {len(findings)} failed, {result.rate:.1f} a second")
    return "\n".join(parts)


def _told(finding: Finding) -> str:
    left_out = len(finding.lines) - SHOWN_LINES
    before = [f"... {left_out} lines before"] if left_out > 0 else []
    return "\n".join([*before, *finding.lines[-SHOWN_LINES:], f"seed {finding.plan.seed} broke {finding.found}"])


def _json(result: Result, findings: Sequence[Finding]) -> str:
    failures = [
        {
            "seed": finding.plan.seed,
            "invariant": finding.breach.name,
            "detail": finding.breach.detail,
            "plan": msgspec.to_builtins(finding.plan),
        }
        for finding in findings
    ]
    return json.dumps(
        {
            "seeds": result.seeds,
            "seconds": round(result.seconds, 3),
            "seeds_per_second": round(result.rate, 2),
            "failures": failures,
        }
    )


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
