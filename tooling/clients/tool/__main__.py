"""`python -m tooling.clients.tool`: how often does the router decide as the labelled cases say it should?"""

import argparse
import datetime
import os
import sys
from collections.abc import Sequence

from tooling.clients.data.tool_cases import load_cases
from tooling.clients.failures import Exit
from tooling.clients.options import (
    Environ,
    Flags,
    add_persona,
    chosen_persona,
    count,
    duration,
    natural,
    parser,
    positive,
    start_payload,
)
from tooling.clients.program import Call, Client, add_output, run
from tooling.clients.tool.outcomes import WrongResponse
from tooling.clients.tool.replay import Plan, Replay
from tooling.clients.tool.results import keep, results_folder
from tooling.clients.tool.selection import Selection, select
from tooling.clients.tool.tally import Tally, percent

DESCRIPTION = "Replay labelled sessions and compare the tool router's decisions with the labels."
STEPS_PER_WINDOW = ("TOOL_WS_MAX_MESSAGES_PER_WINDOW", 25)


def share(text: str) -> float:
    """An argument from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return value


def grammar(environ: Environ) -> Flags:
    """The flags of the tool regression."""
    most = count(environ, *STEPS_PER_WINDOW)
    made = parser("tool-regression", DESCRIPTION)
    made.add_argument("--timeout", type=duration, default=5.0, metavar="S", help="from sending to the toolcall (5)")
    made.add_argument("--concurrency", type=positive, default=1, metavar="N", help="cases at a time (1)")
    made.add_argument("--limit", type=positive, metavar="N", help="replay so many cases at most")
    made.add_argument(
        "--max-steps",
        type=natural,
        default=most,
        metavar="N",
        help=f"skip longer cases ({STEPS_PER_WINDOW[0]}, else {STEPS_PER_WINDOW[1]}; 0: no cap)",
    )
    made.add_argument("--show-successes", action="store_true", help="list the cases that passed as well")
    made.add_argument("--min-accuracy", type=share, default=1.0, metavar="X", help="of all steps, 0 to 1 (1.0)")
    made.add_argument("--domain", nargs="+", action="extend", default=[], metavar="NAME", help="only these domains")
    add_persona(made, environ)
    add_output(made)
    return made


async def talk(call: Call) -> str:
    """Replay, then report, also when interrupted."""
    arguments, report = call.arguments, call.report
    persona = chosen_persona(arguments)
    selection = select(load_cases(), arguments.domain, arguments.max_steps, arguments.limit)
    folder = results_folder(call.environ)
    call.pacing("TOOL_")  # what is wrong with its variables is said before anybody is connected to
    plan = Plan(
        cases=selection.cases,
        opening=start_payload(persona, arguments),
        timeout_s=arguments.timeout,
        concurrency=arguments.concurrency,
    )
    report.head("TOOL REGRESSION", call.common.endpoint.url, persona)
    replay = Replay(call, plan)
    try:
        async with call.progress(selection.steps) as bar:
            await replay.run(bar)
    finally:
        passed = _conclude(call, selection, replay)
        lines = _lines(call, Tally(selection, replay.results))
        try:
            kept = keep(folder, datetime.datetime.now(datetime.UTC), [*_about(call), *lines])
        finally:
            report.lines(lines)
        report.summary["results_file"] = str(kept)
        report.line(f"kept in {kept}")
    return passed


def _conclude(call: Call, selection: Selection, replay: Replay) -> str:
    """Decide what wrong answers mean for the run, put the figures in the report; returns what is said behind PASS."""
    report, tally = call.report, Tally(selection, replay.results)
    report.summary.update(tally.data())
    accuracy, asked = tally.steps.accuracy, call.arguments.min_accuracy
    wrong = [failure.error for failure in report.failures if isinstance(failure.error, WrongResponse)]
    if accuracy is None or accuracy < asked:
        for error in wrong:
            error.exit = Exit.FAILED
    if replay.stopped:
        report.reason = replay.stopped
    elif len(wrong) < len(report.failures):
        kinds = ", ".join(f"{number} {kind}" for kind, number in tally.kinds().items())
        report.reason = f"steps failed: {kinds}"
    elif accuracy is not None and accuracy < asked:
        report.reason = f"accuracy {percent(accuracy)} is under {percent(asked)}: {len(wrong)} wrong decisions"
    return f"steps {tally.steps}, cases {tally.cases_passed} of {len(selection.cases)}"


def _lines(call: Call, tally: Tally) -> list[str]:
    return [*tally.case_lines(successes=call.arguments.show_successes), *tally.summary_lines()]


def _about(call: Call) -> Sequence[str]:
    """The head of the copy that is kept."""
    flags = {name: value for name, value in vars(call.arguments).items() if name not in ("api_key", "server")}
    return (
        f"server     {call.common.endpoint.url}",
        f"flags      {flags}",
        f"exit code  {int(call.report.code())}",
    )


CLIENT = Client(name="tool", grammar=grammar, talk=talk)


if __name__ == "__main__":
    sys.exit(run(CLIENT, sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
