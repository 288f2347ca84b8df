"""`python -m tooling.clients.tool`: how often does the router decide as the labelled cases say it should?"""

import argparse
import datetime
import os
import sys
from collections.abc import Sequence

import trio

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
    seconds,
    start_payload,
)
from tooling.clients.output.progress import Bar
from tooling.clients.program import Call, Client, add_output, run
from tooling.clients.tool.outcomes import StepResult, WrongResponse
from tooling.clients.tool.replay import Plan, Replay
from tooling.clients.tool.results import keep, results_folder
from tooling.clients.tool.selection import Selection, select
from tooling.clients.tool.tally import Tally, percent

DESCRIPTION = "Replay labelled sessions and compare the tool router's decisions with the labels."
STEPS_PER_WINDOW, WINDOW_S = ("TOOL_WS_MAX_MESSAGES_PER_WINDOW", 25), ("TOOL_WS_MESSAGE_WINDOW_SECONDS", 60.0)
REDRAW_S = 0.5


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
    plan = Plan(
        cases=selection.cases,
        opening=start_payload(persona, arguments),
        timeout_s=arguments.timeout,
        concurrency=arguments.concurrency,
        pace=(count(call.environ, *STEPS_PER_WINDOW), seconds(call.environ, *WINDOW_S)),
    )
    report.head("TOOL REGRESSION", call.common.endpoint.url, persona)
    bar = None if report.quiet or sys.stderr is None else Bar(sys.stderr, selection.steps, trio.current_time())
    replay = Replay(call, plan, lambda step, unsent: _progress(bar, step, unsent))
    try:
        await _shown(replay, bar, call)
    finally:
        passed = _conclude(call, selection, replay)
        lines = _lines(call, Tally(selection, replay.results))
        kept = keep(folder, datetime.datetime.now(datetime.UTC), [*_about(call), *lines])
        report.summary["results_file"] = str(kept)
        report.lines([*lines, f"kept in {kept}"])
    return passed


async def _shown(replay: Replay, bar: Bar | None, call: Call) -> None:
    """Run under a progress bar."""
    call.report.bar = bar
    try:
        async with trio.open_nursery() as nursery:
            if bar is not None:
                nursery.start_soon(_redraw, bar)
            await replay.run()
            nursery.cancel_scope.cancel()
    finally:
        call.report.bar = None
        if bar is not None:
            bar.close()


async def _redraw(bar: Bar) -> None:
    while True:
        await trio.sleep(REDRAW_S)
        bar.show(trio.current_time())


def _progress(bar: Bar | None, step: StepResult, unsent: int) -> None:
    if bar is not None:
        bar.expect_fewer(unsent)
        tool_ms = step.turn.meter.measured().tool_ms if step.turn is not None else None
        bar.finished(trio.current_time(), ok=step.failure is None, ttfb_ms=tool_ms)


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
