"""A bench run from its flags to its report: processes, progress, what is told in the end, also after Ctrl+C."""

import argparse
import os
import sys
import time
from pathlib import Path

import trio
from attrs import define, field

from tooling.clients.bench import comparison
from tooling.clients.bench.grammar import plan_of, settle
from tooling.clients.bench.picture import picture
from tooling.clients.bench.plan import Part, Plan, to_job
from tooling.clients.bench.records import Told, failure_of
from tooling.clients.bench.report import METHOD, Outcome, table, too_few
from tooling.clients.bench.telling import cached_line, load_line, summary_of
from tooling.clients.drawing.picture import check_drawing, draw
from tooling.clients.failures import ClientError, Exit, UsageProblem, WorkerDied
from tooling.clients.load.crew import Crew, Death, processes_for
from tooling.clients.load.health import bottleneck
from tooling.clients.load.pipe import Record
from tooling.clients.options import chosen_persona
from tooling.clients.output.progress import Bar
from tooling.clients.program import Call

WORKER = "tooling.clients.bench.worker"
KEY = "TEXT_API_KEY"
"""It goes to the processes with their jobs."""
USUAL_TALK_S = 10.0
"""How long a conversation is taken to last, where the number of them at a time has to be guessed."""
COLD_TOKENS = 32
"""A turn. What a template puts before every prompt may be in the prefix cache of a cold run too."""
TELL_TIMEOUT_S = 90.0


@define(eq=False)
class Measurement:
    """One run. `attempts`: the records of its conversations, as they come; what is there is told however it ends."""

    call: Call
    plan: Plan
    processes: int
    earlier: comparison.Earlier | None
    attempts: list[Told] = field(factory=list)
    _began: float = field(factory=time.monotonic)
    _crew: Crew = field(init=False)
    _bar: Bar = field(init=False)

    async def run(self) -> None:
        """Measure; then tell, also when cancelled."""
        call, plan = self.call, self.plan
        parts = [Part(index, self.processes) for index in range(self.processes)]
        self._crew = Crew(
            module=WORKER,
            jobs=[to_job(plan, call.common, part) for part in parts],
            environ={name: value for name, value in call.environ.items() if name != KEY},
            on_record=self._record,
            on_death=self._death,
            on_start=self._start,
        )
        try:
            async with call.progress(plan.requests, for_s=plan.duration_s or 0.0) as self._bar:
                await self._crew.run()
        finally:
            with trio.move_on_after(TELL_TIMEOUT_S, shield=True):
                await self._tell()

    def _start(self, moment: float) -> None:
        self._began = moment

    def _record(self, record: Record) -> None:
        if "note" in record:
            self.call.report.warn(record["note"])
            return
        self.attempts.append(record)
        self.call.report.records += record["turns"]
        failure = failure_of(record)
        if failure is not None:
            self.call.report.failed(failure, f"connection {record['number'] + 1}")
        if record["over"]:
            first = record["turns"][0]["metrics"]["ttfb_ms"] if record["turns"] else None
            self._bar.finished(trio.current_time(), ok=failure is None, ttfb_ms=first)

    def _death(self, death: Death) -> None:
        self.call.report.failed(WorkerDied(str(death)), "client")

    async def _tell(self) -> None:
        outcome = Outcome(attempts=self.attempts, wall_s=self._wall_s(), seed=self.plan.seed)
        report = self.call.report
        self._settle_exit(outcome)
        rows = outcome.rows()
        busy = bottleneck(self._crew.healths, cores())
        report.summary |= summary_of(outcome, rows, self._crew.healths, busy)
        failed = len(outcome.over()) - outcome.passed()
        stopped = f" (interrupted after {len(outcome.over())} connections)" if report.interrupted else ""
        report.line(f"results: {outcome.passed()} ok, {failed} errors, {outcome.wall_s:.1f} s{stopped}")
        report.lines([f"  {name}: {count}" for name, count in sorted(outcome.errors().items())])
        if outcome.interrupted():
            report.line(f"interrupted by the caller: {outcome.interrupted()} of {len(outcome.turns())} replies")
        report.lines(list(table(outcome.sections, rows)))
        rates = outcome.rates()
        report.line(f"turns/s {rates['turns_per_s']:.2f}   output tokens/s {rates['tokens_per_s']:.1f}")
        report.lines(cached_line(outcome))
        if rows:
            report.line(METHOD)
        poor = too_few(rows)
        if poor:
            report.warnings.append(poor)
            report.line(poor)
        self._warn(outcome, busy)
        self._compare(outcome)
        await self._draw(outcome)

    def _wall_s(self) -> float:
        """To the last end; a conversation that was cut off ended then."""
        if not self.attempts:
            return max(0.0, time.monotonic() - self._began)
        return max(float(attempt["ended_s"]) for attempt in self.attempts)

    def _settle_exit(self, outcome: Outcome) -> None:
        """No connection is what the run ends with only if nobody had one."""
        if outcome.passed() or any(turn["outcome"] == "done" for turn in outcome.turns()):
            for failure in self.call.report.failures:
                if failure.error.exit is Exit.NO_CONNECTION:
                    failure.error.exit = Exit.FAILED

    def _warn(self, outcome: Outcome, busy: str | None) -> None:
        if busy:
            self.call.report.warn(busy)
        first = outcome.cached()["first"]
        turns = sum(turn["first"] for turn in outcome.turns())
        if self.plan.cold and first and first["cached_tokens"] > COLD_TOKENS * turns:
            self.call.report.warn(
                "prompts of this cold run were in the server's prefix cache: it has seen this seed before; "
                "leave --seed out"
            )

    def _compare(self, outcome: Outcome) -> None:
        if self.earlier is None:
            return
        rows = comparison.compare(self.earlier, outcome)
        self.call.report.lines(list(comparison.table(self.earlier, outcome, rows)))
        self.call.report.summary["comparison"] = {
            "with": {
                "file": self.earlier.name,
                "started_at": self.earlier.started_at,
                "server": self.earlier.server,
            },
            "rows": [row.told() for row in rows],
        }

    async def _draw(self, outcome: Outcome) -> None:
        path = self.call.arguments.plot
        if path is None:
            return
        title = f"bench of {self.call.common.endpoint.url}"
        drawn = picture(title, outcome.turns(), outcome.attempts, load_line(self.plan))
        try:
            await draw(drawn, Path(path))
        except ClientError as error:
            self.call.report.failed(error, "plot")
        else:
            self.call.report.line(f"drawn: {path}")


async def measure(call: Call) -> str:
    """Do what the flags ask for. Raises `UsageProblem` before anything was sent."""
    arguments = call.arguments
    settle(arguments)
    plan = plan_of(arguments)
    earlier = _earlier(arguments, call) if arguments.compare else None
    if arguments.plot is not None:
        check_drawing(arguments.plot)
    if arguments.processes is None:
        arguments.processes = processes_for(_at_a_time(plan), cores())
    arguments.processes = min(arguments.processes, _most_processes(plan))
    call.report.head("BENCHMARK RESULTS", call.common.endpoint.url, chosen_persona(arguments))
    call.report.line(load_line(plan))
    await Measurement(call, plan, arguments.processes, earlier).run()
    return ""


def _earlier(arguments: argparse.Namespace, call: Call) -> comparison.Earlier:
    name = arguments.compare
    try:
        text = Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageProblem(f"--compare {name}: cannot be read ({words})") from None
    earlier = comparison.read_earlier(name, text)
    different = comparison.differences(
        earlier, {key: value for key, value in vars(arguments).items() if key != "api_key"}
    )
    if different and not arguments.compare_anyway:
        raise UsageProblem(
            f"--compare {name}: that run had another load ({'; '.join(different)}); --compare-anyway compares them"
        )
    if different:
        call.report.warn(f"the runs had different loads: {'; '.join(different)}")
    if not earlier.ok:
        call.report.warn(f"the run in {name} did not pass: what is compared is what it got to")
    return earlier


def _at_a_time(plan: Plan) -> float:
    """How many conversations run at a time, or may be expected to."""
    arrivals, talk_s = plan.arrivals, USUAL_TALK_S + sum(plan.think_s) / 2 * (len(plan.payloads) - 1)
    if not arrivals.open:
        return plan.concurrency
    rate = arrivals.rate or arrivals.burst_size / arrivals.window_s
    return min(rate * talk_s, plan.requests or float("inf"))


def _most_processes(plan: Plan) -> int:
    """More would have nothing to do."""
    return plan.requests or sys.maxsize if plan.arrivals.open else plan.concurrency


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


__all__ = ["Measurement", "cores", "measure"]
