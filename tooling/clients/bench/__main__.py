"""`python -m tooling.clients.bench`: n connections, c at a time, one turn each; latencies and rates."""

import argparse
import datetime
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial

import trio
from attrs import define, field

from tooling.clients.bench.load import Attempt, Load, Plan
from tooling.clients.bench.report import Outcome, table
from tooling.clients.data.messages import message
from tooling.clients.data.personas import load_personas, persona_by_traits
from tooling.clients.failures import ClientError, Exit, UsageProblem
from tooling.clients.options import Common, Environ, add_persona, add_sampling, common, parser, positive, sampling
from tooling.clients.output.document import Run, document, failure_record, turn_record
from tooling.clients.output.progress import Bar

DESCRIPTION = "Measure a running server: n connections, c at a time, one turn each."


@define
class Progressed:
    """What a run has gathered so far; kept outside the tasks so that an interruption loses nothing."""

    attempts: list[Attempt] = field(factory=list)
    warnings: list[str] = field(factory=list)
    interrupted: bool = False


def grammar(environ: Environ) -> argparse.ArgumentParser:
    """The flags of bench."""
    made = parser("bench", DESCRIPTION)
    made.add_argument("message", nargs="*", help="what to say (default: a fixed question)")
    made.add_argument("-n", "--requests", type=positive, default=16, help="connections in all (16)")
    made.add_argument("-c", "--concurrency", type=positive, default=8, help="at a time, at most n (8)")
    made.add_argument("--timeout", type=float, default=120.0, metavar="S", help="for a whole turn (120)")
    made.add_argument("--double-ttfb", action="store_true", help="two turns on each connection")
    made.add_argument("--burst-mode", choices=("instant", "windowed"), default="instant")
    made.add_argument("--burst-size", type=positive, default=3, help="connections a burst, windowed (3)")
    made.add_argument("--window-duration", type=float, default=0.5, metavar="S", help="between bursts (0.5)")
    made.add_argument("--json", action="store_true", help="one JSON document on stdout, the report on stderr")
    made.add_argument("--quiet", action="store_true", help="only the verdict")
    add_persona(made, environ)
    add_sampling(made)
    return made


def main(argv: Sequence[str], environ: Environ) -> int:
    """Run and return the exit code; every failure is a line on stderr, never a traceback."""
    arguments = grammar(environ).parse_args(argv)
    try:
        shared = common(arguments, environ)
        plan = _plan(arguments)
    except UsageProblem as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit
    started = datetime.datetime.now(datetime.UTC)
    gathered = Progressed()
    wall_s = trio.run(_measure, plan, shared, gathered)
    outcome = Outcome(attempts=tuple(gathered.attempts), wall_s=wall_s)
    code = _verdict(outcome, interrupted=gathered.interrupted)
    _print_report(arguments, shared, plan, outcome, code)
    if arguments.json:
        config = {name: value for name, value in vars(arguments).items() if name != "api_key"}
        config["server"] = shared.endpoint.url
        run = Run(client="bench", server=shared.endpoint.url, started_at=started, duration_s=wall_s, config=config)
        print(_document(run, outcome, code, gathered.warnings), flush=True)
    return code


def _plan(arguments: argparse.Namespace) -> Plan:
    persona = persona_by_traits(load_personas(), arguments.gender, arguments.personality)
    said = " ".join(arguments.message) or message("bench")
    later: dict[str, object] = {"user_utterance": said, **sampling(arguments)}
    first = {
        "gender": persona.gender,
        "personality": persona.personality,
        "chat_prompt": persona.prompt,
        "history": [],
        **later,
    }
    windowed = arguments.burst_mode == "windowed"
    return Plan(
        requests=arguments.requests,
        concurrency=min(arguments.concurrency, arguments.requests),
        turn_timeout_s=arguments.timeout,
        payloads=(first, later) if arguments.double_ttfb else (first,),
        burst=(arguments.burst_size, arguments.window_duration) if windowed else None,
    )


async def _measure(plan: Plan, shared: Common, gathered: Progressed) -> float:
    """Run the plan under a progress bar; Ctrl+C ends it and keeps what there is. Returns wall seconds."""
    began = trio.current_time()
    bar = Bar(sys.stderr, plan.requests, began)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_redraw, bar)
        nursery.start_soon(_interruption, nursery.cancel_scope, gathered)
        await Load(plan, shared, partial(_finished, bar, gathered), gathered.warnings.append).run()
        nursery.cancel_scope.cancel()
    bar.close()
    return trio.current_time() - began


def _finished(bar: Bar, gathered: Progressed, attempt: Attempt) -> None:
    gathered.attempts.append(attempt)
    if attempt.failure is not None and bar.failed == 0:
        bar.say(f"first failure: {attempt.failure}")
    ttfb = attempt.turns[0].meter.measured().ttfb_ms if attempt.turns else None
    bar.finished(trio.current_time(), ok=attempt.failure is None, ttfb_ms=ttfb)


async def _redraw(bar: Bar) -> None:
    while True:
        await trio.sleep(0.5)
        bar.show(trio.current_time())


async def _interruption(scope: trio.CancelScope, gathered: Progressed) -> None:
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        async for _ in signals:
            gathered.interrupted = True
            scope.cancel()
            return


def _verdict(outcome: Outcome, *, interrupted: bool) -> Exit:
    if interrupted:
        return Exit.INTERRUPTED
    failures = [attempt.failure for attempt in outcome.attempts if attempt.failure is not None]
    if not failures:
        return Exit.PASSED
    nobody_got_in = len(failures) == len(outcome.attempts) and all(one.exit is Exit.NO_CONNECTION for one in failures)
    return Exit.NO_CONNECTION if nobody_got_in else Exit.FAILED


def _print_report(arguments: argparse.Namespace, shared: Common, plan: Plan, outcome: Outcome, code: Exit) -> None:
    stream = sys.stderr if arguments.json else sys.stdout
    lines = [] if arguments.quiet else list(_report(shared, plan, outcome))
    print(*lines, _last_line(outcome, code), sep="\n", file=stream, flush=True)


def _report(shared: Common, plan: Plan, outcome: Outcome) -> list[str]:
    rates = outcome.rates()
    failed = len(outcome.attempts) - outcome.passed()
    errors = [f"  {name}: {count}" for name, count in sorted(outcome.errors().items())]
    pace = f"bursts of {plan.burst[0]} every {plan.burst[1]:g} s" if plan.burst else f"{plan.concurrency} at a time"
    return [
        "BENCHMARK RESULTS",
        f"url: {shared.endpoint.url}",
        f"requests: {plan.requests}, {pace}",
        f"results: {outcome.passed()} ok, {failed} errors, {outcome.wall_s:.1f} s",
        *errors,
        *table(outcome.sections()),
        f"turns/s {rates['turns_per_s']:.2f}   output tokens/s {rates['tokens_per_s']:.1f}",
    ]


def _last_line(outcome: Outcome, code: Exit) -> str:
    if code is Exit.PASSED:
        return "✓ PASS"
    if code is Exit.INTERRUPTED:
        return f"✗ FAIL interrupted after {len(outcome.attempts)} connections"
    first: ClientError | None = next((one.failure for one in outcome.attempts if one.failure is not None), None)
    return f"✗ FAIL {len(outcome.attempts) - outcome.passed()} of {len(outcome.attempts)} failed; first: {first}"


def _document(run: Run, outcome: Outcome, code: Exit, warnings: Sequence[str]) -> str:
    turns = [
        turn_record(turn, attempt.number, attempt.session_id) for attempt in outcome.attempts for turn in attempt.turns
    ]
    summary: dict[str, object] = {
        (section.title.split(" ")[0].lower() or "all"): {name: row.rounded() for name, row in section.rows.items()}
        for section in outcome.sections()
    }
    summary |= {name: round(rate, 3) for name, rate in outcome.rates().items()}
    summary |= {"output_tokens": outcome.completion_tokens(), "errors": outcome.errors()}
    failures = [
        failure_record(attempt.failure, f"connection {attempt.number}")
        for attempt in outcome.attempts
        if attempt.failure is not None
    ]
    return document(run, code, turns=turns, summary=summary, failures=failures, warnings=warnings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251  # an entry module
