"""`just endurance`: hours of mixed load on one server, and what of it grows.

Callers hold whole talks, interrupt, cancel, vanish in mid-reply, read slowly, come back with their history and bring
long ones, against a server process as users start it, on real vLLM with the demo model. Every few seconds its memory,
descriptors, tasks and the engine's own count are read, every minute what callers waited. After the warm-up every series
must be flat: its slope an hour is told with a 95 % interval that respects how alike neighbours are, and if all of that
interval is over what the series may grow, the status is 1. So it is if anything is left when all callers have gone.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import trio

from tooling import usage
from tooling.benchmarks.endurance.course import Course, Gone, Plan, read_course
from tooling.benchmarks.endurance.findings import Finding, Verdict, findings, left
from tooling.benchmarks.endurance.pictured import picture
from tooling.benchmarks.endurance.servers import KEY, serving
from tooling.benchmarks.figures import table
from tooling.benchmarks.serving import shape
from tooling.clients.drawing.picture import check_drawing, draw
from tooling.clients.failures import ClientError, UsageProblem
from tooling.demo import chat
from tooling.demo.progress import stderr_line
from tooling.ending import told

USAGE = 2
MINUTES, WARM_UP = 120.0, 15.0
WARM_SHARE = 0.25
"""Of a run that is too short for the usual warm-up."""


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run, and say what grew; the exit status."""
    options = _grammar().parse_args(argv)
    try:
        plot = check_drawing(str(options.plot)) if options.plot else None
        course = read_course(options.read) if options.read else _measured(options, environ)
    except (UsageProblem, ValueError) as error:
        print(error, file=sys.stderr)
        return USAGE
    except Gone as error:
        print(error, file=sys.stderr)
        return 1
    found = findings(course.samples, course.windows, course.plan.warm_up_s)
    kept = list(_kept(course))
    rows = _rows(course, found, kept)
    print("\n".join(map(json.dumps, rows)) if options.json else _page(course, found, kept))
    if plot is not None:
        try:
            trio.run(draw, picture(course, found), plot)
        except ClientError as error:
            print(error, file=sys.stderr)
            return 1
    grows = any(one.verdict is Verdict.GROWS for one in found)
    return int(grows or bool(course.book.troubles) or any(row["left"] for row in kept))


def _grammar() -> argparse.ArgumentParser:
    parser = usage.parser(
        "just endurance",
        __doc__,
        environment={"YAP_HOME": "where the demo model is made (~/.cache/yap)"},
        codes="0 all holds, 1 something grows, is left behind or went wrong, 2 usage, 130 interrupted",
    )
    parser.add_argument("--minutes", type=_positive, default=MINUTES, metavar="M", help="of load (default 120)")
    parser.add_argument(
        "--warm-up", type=_positive, metavar="M", help="minutes that count for no slope (default 15, a quarter at most)"
    )
    parser.add_argument("--callers", type=int, default=4, metavar="N", help="at once (default 4)")
    parser.add_argument(
        "--pause", type=_positive, default=2.0, metavar="S", help="seconds between turns at most (default 2)"
    )
    parser.add_argument("--every", type=_positive, default=5.0, metavar="S", help="seconds between looks (default 5)")
    parser.add_argument("--seed", type=int, default=1, help="of what callers do (default 1)")
    parser.add_argument("--engine", choices=("vllm", "scripted"), default="vllm", help="default: vllm")
    parser.add_argument("--model", type=Path, metavar="DIR", help="what is served (default: the demo chat model)")
    parser.add_argument("--samples", type=Path, metavar="FILE", help="write every look there, as JSON lines")
    parser.add_argument("--read", type=Path, metavar="FILE", help="measure nothing: a file that --samples wrote")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the run")
    parser.add_argument("--json", action="store_true", help="one JSON object a line on stdout")
    return parser


def _positive(word: str) -> float:
    number = float(word)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be over 0")
    return number


def _measured(options: argparse.Namespace, environ: Mapping[str, str]) -> Course:
    seconds = options.minutes * 60
    warm_up_s = options.warm_up * 60 if options.warm_up else min(WARM_UP * 60, seconds * WARM_SHARE)
    if warm_up_s >= seconds:
        raise UsageProblem(f"--warm-up {warm_up_s / 60:g} leaves nothing of --minutes {options.minutes:g}")
    with ExitStack() as stack:
        model = _model(options, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="endurance-"))), environ)
        keep = stack.enter_context(options.samples.open("w", encoding="utf-8")) if options.samples else None
        plan = Plan(
            seconds=seconds,
            warm_up_s=warm_up_s,
            every_s=options.every,
            callers=options.callers,
            pause_s=options.pause,
            seed=options.seed,
            engine=options.engine,
            model=model.name,
        )
        port, pid = stack.enter_context(serving(options.engine, model, environ, options.callers))
        course = Course(plan=plan, keep=keep)
        try:
            trio.run(course.run, port, pid, KEY)
        except* Gone as gone:
            raise Gone(str(gone.exceptions[0])) from gone
    return course


def _model(options: argparse.Namespace, scratch: Path, environ: Mapping[str, str]) -> Path:
    if options.model is not None:
        return Path(options.model)
    if options.engine == "vllm":
        return chat.ensure(Path(environ.get("YAP_HOME") or "~/.cache/yap").expanduser(), stderr_line)
    shape.write("tiny", scratch)
    return scratch


def _kept(course: Course) -> Iterator[dict[str, object]]:
    if course.before is not None and course.after is not None:
        for name, before, after in left(course.before, course.after):
            yield {"idle": name, "before": before, "after": after, "left": after - before}


def _rows(course: Course, found: Sequence[Finding], kept: Sequence[dict[str, object]]) -> Iterator[dict[str, object]]:
    yield {"run": _about(course)}
    yield from (one.as_json() for one in found)
    yield from kept
    yield {"did": dict(course.book.did), "ends": dict(course.book.ends), "troubles": dict(course.book.troubles)}


def _about(course: Course) -> dict[str, object]:
    plan, late = course.plan, [one for one in course.windows if one.at >= course.plan.warm_up_s]
    return {
        "minutes": plan.seconds / 60,
        "warm_up": plan.warm_up_s / 60,
        "callers": plan.callers,
        "engine": plan.engine,
        "model": plan.model,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "turns a minute": round(_mean([one.turns for one in late]), 1),
        "machine busy": f"{_mean([one.busy for one in late]):.0%}",
        "the server's share": f"{_mean([one.ours for one in late]):.0%}",
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _page(course: Course, found: Sequence[Finding], kept: Sequence[dict[str, object]]) -> str:
    lines = [f"{name}: {value}" for name, value in _about(course).items()]
    lines += ["", *table([one.row() for one in found]), "", *table(kept)]
    for what, counted in (("did", course.book.did), ("turns", course.book.ends), ("troubles", course.book.troubles)):
        lines.append(f"\n{what}: {', '.join(f'{number} {name}' for name, number in counted.most_common()) or 'none'}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(told("endurance", lambda: main(sys.argv[1:], os.environ)))  # noqa: TID251 - an entry module
