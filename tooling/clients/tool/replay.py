"""Replaying cases: one connection a case, so many cases at a time, each turn read to its end."""

from collections.abc import Iterator, Sequence

import trio
from attrs import define, field, frozen

from tooling.clients.data.tool_cases import Case
from tooling.clients.failures import BadToolcall, ClientError, NoConnection, TimedOut
from tooling.clients.output.progress import Bar
from tooling.clients.program import Call
from tooling.clients.session.connection import Connection
from tooling.clients.session.exchange import Exchange, begin, finish
from tooling.clients.tool.outcomes import (
    CaseResult,
    NoToolResponse,
    StepResult,
    WrongFormat,
    broken,
    ends_case,
    judged,
)

UNREACHED = 3  # cases in a row without a connection, after which the server counts as gone
CHAT_ONLY = "chat-only server: its first turn ended without a toolcall; serve with DEPLOY_MODE tool or both"
GONE = f"the server is gone: {UNREACHED} cases in a row found no connection"


@frozen(kw_only=True)
class Plan:
    """What to replay and how. `opening`: what `start` carries beside what is said. `timeout_s`: from sending to the
    toolcall.
    """

    cases: Sequence[Case]
    opening: dict[str, object] = field(repr=False)
    timeout_s: float
    concurrency: int


@define
class Replay:
    """Runs a plan. `results`: every case that was begun, filled while it runs. `stopped`: why the rest of the plan was
    left out, if it was.
    """

    call: Call
    plan: Plan
    results: list[CaseResult] = field(factory=list)
    stopped: str = ""
    _acked: bool = False
    _ended: bool = False
    _unreached: int = 0

    async def run(self, bar: Bar) -> None:
        """Replay all cases, or as many as make sense; `bar` counts their steps."""
        waiting = iter(self.plan.cases)
        async with trio.open_nursery() as nursery:
            for _ in range(min(self.plan.concurrency, len(self.plan.cases))):
                nursery.start_soon(self._work, waiting, bar, nursery.cancel_scope)

    async def _work(self, waiting: Iterator[Case], bar: Bar, scope: trio.CancelScope) -> None:
        for case in waiting:
            result = CaseResult(case)
            self.results.append(result)
            await self._case(result, len(self.results) - 1, bar)
            if self.stopped:
                scope.cancel()
                return

    async def _case(self, result: CaseResult, number: int, bar: Bar) -> None:
        try:
            async with self.call.connected() as connection:
                await self._steps(connection, result, number, bar)
        except ClientError as error:  # no connection, or something that came to light when it ended
            if not result.steps:
                result.steps.append(StepResult(result.case.steps[0], 1, failure=error))
                self._over(result, bar)
            else:
                result.steps[-1].failure = error
                self.call.report.failed(error, _where(result))

    async def _steps(self, connection: Connection, result: CaseResult, number: int, bar: Bar) -> None:
        pacing = self.call.pacing("TOOL_")
        for index, step in enumerate(result.case.steps, 1):
            await pacing.turn()
            one = StepResult(step, index)
            one.failure = await self._step(connection, one, f"{result.case.key} {index}", number)
            result.steps.append(one)
            self._over(result, bar)
            if self.stopped or ends_case(one):
                return

    async def _step(self, connection: Connection, one: StepResult, label: str, number: int) -> ClientError | None:
        """Send a step and read its turn. Until the server has taken one, each opens the session."""
        said: dict[str, object] = {"user_utterance": one.step.text}
        kind, payload = ("message", said) if connection.acked else ("start", {**self.plan.opening, **said})
        spoilt: WrongFormat | None = None
        try:
            one.turn = await begin(connection, kind, payload, user=one.step.text, label=label)
            self.call.report.turn(one.turn, connection=number, session_id=connection.session_id)
            spoilt = await self._decision(connection, one.turn)
            await finish(connection, one.turn, connection.limits.receive_s)
        except ClientError as error:
            if one.turn is not None and one.turn.outcome is None:
                one.turn.outcome = "timeout" if isinstance(error, TimedOut) else "closed"
            return broken(error, one)
        return spoilt or judged(one)

    async def _decision(self, connection: Connection, turn: Exchange) -> WrongFormat | None:
        """Read until the toolcall came, or it is sure that none will: text comes after it. Returns a spoilt one."""
        with trio.CancelScope(deadline=turn.meter.sent_at + self.plan.timeout_s) as waiting:
            try:
                while not (turn.outcome or turn.toolcall or turn.meter.tokens):
                    turn.feed(await connection.receive("toolcall", self.plan.timeout_s))
            except BadToolcall as error:
                return WrongFormat(str(error))
        if waiting.cancelled_caught:
            raise TimedOut(f"no toolcall within {self.plan.timeout_s:g} s")
        return None

    def _over(self, result: CaseResult, bar: Bar) -> None:
        """Book the newest step of a case, and see whether the run makes sense any longer."""
        one = result.steps[-1]
        self._heed(one)
        if one.failure is not None:
            self.call.report.failed(one.failure, _where(result))
        if ends_case(one):
            bar.expect_fewer(result.unsent)
        tool_ms = one.turn.meter.measured().tool_ms if one.turn is not None else None
        bar.finished(trio.current_time(), ok=one.failure is None, ttfb_ms=tool_ms)

    def _heed(self, one: StepResult) -> None:
        self._acked = self._acked or (one.turn is not None and one.turn.acked)
        self._unreached = self._unreached + 1 if isinstance(one.failure, NoConnection) else 0
        if self._unreached and not self._acked:
            self.stopped = str(one.failure)
        elif self._unreached == UNREACHED:
            self.stopped = GONE
        if not self._ended and one.turn is not None and one.turn.outcome == "done":
            self._ended = True
            if isinstance(one.failure, NoToolResponse):
                self.stopped = CHAT_ONLY
                one.failure = NoToolResponse(CHAT_ONLY)


def _where(result: CaseResult) -> str:
    return f"{result.case.key} step {result.steps[-1].number}"


__all__ = ["CHAT_ONLY", "Plan", "Replay"]
