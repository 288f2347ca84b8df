"""Many connections at once, each with the whole talk and all its questions."""

import trio
from attrs import define

from tooling.clients.data.warm_history import WarmHistory
from tooling.clients.failures import ClientError
from tooling.clients.history.recall import Mark, kept_history, marks
from tooling.clients.output.latencies import latency_table, rows_of
from tooling.clients.output.progress import Bar
from tooling.clients.program import Call
from tooling.clients.session.exchange import Exchange


@define
class Crowd:
    """`payload`: of each connection's first turn, without what is said. A failed turn ends its connection alone."""

    call: Call
    warm: WarmHistory
    payload: dict[str, object]

    async def ask(self) -> None:
        """Open all connections, so many at a time, and tell what they found; also if interrupted."""
        arguments = self.call.arguments
        slots = trio.Semaphore(min(arguments.concurrency, arguments.requests))
        try:
            async with (
                self.call.progress(arguments.requests * len(self.warm.questions)) as bar,
                trio.open_nursery() as nursery,
            ):
                for number in range(arguments.requests):
                    await slots.acquire()
                    nursery.start_soon(self._one, number, slots, bar)
        finally:
            self._tell()

    def turns_of(self, number: int) -> list[Exchange]:
        """The turns of one connection, in order."""
        return [turn for turn, connection, _ in self.call.report.turns if connection == number]

    async def _one(self, number: int, slots: trio.Semaphore, bar: Bar) -> None:
        try:
            await self._questions(number, bar)
        except ClientError as error:
            where = f"connection {number + 1}"
            self.call.report.failed(error, f"{where}, {error.where}" if error.where else where)
            bar.expect_fewer(len(self.warm.questions) - max(len(self.turns_of(number)), 1))
            bar.finished(trio.current_time(), ok=False, ttfb_ms=None)
        finally:
            slots.release()

    async def _questions(self, number: int, bar: Bar) -> None:
        limit_s = self.call.arguments.timeout
        async with self.call.connected() as connection:
            for place, question in enumerate(self.warm.questions):
                said = {"user_utterance": question.text}
                turn = await self.call.turn(
                    connection,
                    "message" if place else "start",
                    said if place else self.payload | said,
                    label=f"question {place + 1}",
                    number=number,
                    limit_s=limit_s,
                    show=False,
                )
                bar.finished(trio.current_time(), ok=True, ttfb_ms=turn.meter.measured().ttfb_ms)

    def _tell(self) -> None:
        report, arguments = self.call.report, self.call.arguments
        everyone = [self.turns_of(number) for number in range(arguments.requests)]
        first = [turn for turns in everyone for turn in turns[:1]]
        later = [turn for turns in everyone for turn in turns[1:]]
        at_once = min(arguments.concurrency, arguments.requests)
        passed = sum(turn.problem() is None for turn in (*first, *later) if turn.outcome is not None)
        report.lines(
            [
                f"requests: {arguments.requests} connections, {at_once} at a time, "
                f"{len(self.warm.questions)} questions each",
                f"results: {passed} ok, {len(report.failures)} errors",
                *(f"  {kind}: {count}" for kind, count in sorted(self._errors().items())),
            ]
        )
        told = {tuple(kept.lines()) for turn in first if (kept := kept_history(turn.ack)) is not None}
        report.lines([line for lines in sorted(told) for line in lines])  # as a rule all connections are told the same
        sections = {"FIRST turns (the whole history to read):": first, "later turns:": later}
        report.lines(latency_table(sections))
        found = [mark for turns in everyone for mark in marks(self.warm.questions, turns)]
        if found:
            report.line(f"recall {found.count(Mark.FOUND)}/{len(found)}")
        report.summary |= {
            "first": {name: row.rounded() for name, row in rows_of(first).items()},
            **{name: row.rounded() for name, row in rows_of(later).items()},
            "errors": self._errors(),
            "recall": {mark.value: found.count(mark) for mark in Mark},
        }

    def _errors(self) -> dict[str, int]:
        kinds = [failure.error.kind for failure in self.call.report.failures]
        return {kind: kinds.count(kind) for kind in kinds}


__all__ = ["Crowd"]
