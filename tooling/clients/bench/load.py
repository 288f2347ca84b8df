"""Many turns at once: one connection a job, so many at a time, or in bursts by the clock."""

from collections.abc import Callable

import trio
from attrs import define, field, frozen

from tooling.clients.failures import ClientError
from tooling.clients.options import Common
from tooling.clients.session.connection import Connection, Note, connected
from tooling.clients.session.exchange import Exchange, begin, complete

LABELS = ("FIRST", "SECOND")


@frozen(kw_only=True)
class Plan:
    """What to send. `payloads`: the turns of each connection, in order; `burst` is (size, seconds) or None."""

    requests: int
    concurrency: int
    turn_timeout_s: float
    payloads: tuple[dict[str, object], ...] = field(repr=False)
    burst: tuple[int, float] | None = None


@define
class Attempt:
    """What came of one connection. `failure` is what ended it early, if something did."""

    number: int
    session_id: str = ""
    connect_ms: float | None = None
    turns: list[Exchange] = field(factory=list)
    failure: ClientError | None = None


Finished = Callable[[Attempt], None]


class Load:
    """Runs a plan. `finished` gets every connection as it ends; a failed one ends itself, not the run."""

    def __init__(self, plan: Plan, common: Common, finished: Finished, note: Note) -> None:
        self.plan = plan
        self.common = common
        self.finished = finished
        self.note = note
        self._slots = trio.Semaphore(plan.requests if plan.burst else plan.concurrency)

    async def run(self) -> None:
        """Open every connection of the plan and wait for all."""
        async with trio.open_nursery() as nursery:
            for number in range(self.plan.requests):
                if self.plan.burst and number and number % self.plan.burst[0] == 0:
                    await trio.sleep(self.plan.burst[1])
                await self._slots.acquire()
                nursery.start_soon(self._one, Attempt(number))

    async def _one(self, attempt: Attempt) -> None:
        try:
            await self._connection(attempt)
        except ClientError as error:
            attempt.failure = error
        finally:
            self._slots.release()
        self.finished(attempt)

    async def _connection(self, attempt: Attempt) -> None:
        began, common = trio.current_time(), self.common
        async with connected(common.endpoint, "bench", common.limits, note=self.note, lenient=common.lenient) as opened:
            attempt.connect_ms = (trio.current_time() - began) * 1000
            attempt.session_id = opened.session_id
            for label, payload in zip(LABELS, self.plan.payloads, strict=False):
                await self._turn(opened, attempt, label, payload)

    async def _turn(self, opened: Connection, attempt: Attempt, label: str, payload: dict[str, object]) -> None:
        kind = "start" if label == LABELS[0] else "message"
        turn = await begin(opened, kind, payload, user=str(payload["user_utterance"]), label=label)
        attempt.turns.append(turn)
        await complete(opened, turn, self.plan.turn_timeout_s)


__all__ = ["LABELS", "Attempt", "Load", "Plan"]
