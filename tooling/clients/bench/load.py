"""Many conversations at once: so many at a time, or begun by the clock."""

import itertools
from collections.abc import Callable, Iterator

import trio

from tooling.clients.bench.arrivals import moments, slot_moment
from tooling.clients.bench.plan import Part, Plan
from tooling.clients.bench.talking import Attempt, Talk
from tooling.clients.failures import ClientError
from tooling.clients.options import Common
from tooling.clients.session.connection import Note, connected

Finished = Callable[[Attempt], None]
WHOLE = Part()


class Load:
    """Does a plan, or one part of it. `finished` gets every conversation as it ends; a failed one ends itself, not the
    run, and one that is cut off when the run is cancelled is told too.
    """

    def __init__(self, plan: Plan, common: Common, finished: Finished, note: Note, part: Part = WHOLE) -> None:
        self.plan = plan
        self.common = common
        self.finished = finished
        self.note = note
        self.part = part
        self._start_at = 0.0
        self._until = float("inf")

    async def run(self, start_at: float | None = None) -> None:
        """Begin at that moment of trio's clock, or now, and wait for all conversations."""
        self._start_at = trio.current_time() if start_at is None else start_at
        if self.plan.duration_s is not None:
            self._until = self._start_at + self.plan.duration_s
        async with trio.open_nursery() as nursery:
            if self.plan.arrivals.open:
                await self._by_the_clock(nursery)
            else:
                self._in_slots(nursery)

    async def _by_the_clock(self, nursery: trio.Nursery) -> None:
        for number, moment in zip(self._numbers(), moments(self.plan.arrivals, self.plan.seed), strict=False):
            at = self._start_at + moment
            if at >= self._until:
                return
            if self.part.has(number):
                await trio.sleep_until(at)
                nursery.start_soon(self._one, Attempt(number, intended_at=at))

    def _in_slots(self, nursery: trio.Nursery) -> None:
        numbers = filter(self.part.has, self._numbers())
        for slot in filter(self.part.has, range(self.plan.concurrency)):
            nursery.start_soon(self._slot, slot, numbers)

    async def _slot(self, slot: int, numbers: Iterator[int]) -> None:
        """One conversation after the other; all slots take their numbers from the same row."""
        await trio.sleep_until(self._start_at + slot_moment(self.plan.arrivals, slot, self.plan.concurrency))
        while trio.current_time() < self._until and (number := next(numbers, None)) is not None:
            await self._one(Attempt(number))

    def _numbers(self) -> Iterator[int]:
        return itertools.count() if self.plan.requests is None else iter(range(self.plan.requests))

    async def _one(self, attempt: Attempt) -> None:
        try:
            await self._connection(attempt)
            attempt.over = True
        except ClientError as error:
            attempt.failure, attempt.over = error, True
        finally:
            attempt.ended_at = trio.current_time()
            self.finished(attempt)

    async def _connection(self, attempt: Attempt) -> None:
        common = self.common
        attempt.begun_at = trio.current_time()
        async with connected(common.endpoint, "bench", common.limits, note=self.note, lenient=common.lenient) as opened:
            attempt.connect_ms = (trio.current_time() - attempt.begun_at) * 1000
            attempt.session_id = opened.session_id
            await Talk(self.plan, opened, attempt, self._until).run()


__all__ = ["Attempt", "Load", "Plan"]
