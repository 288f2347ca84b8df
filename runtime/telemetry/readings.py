"""What is observed: the state of the parts at the moment somebody looks."""

from collections.abc import Callable, Iterable, Iterator

import trio
from attrs import define

from actors.engine import EngineActor, EngineState
from actors.router import RouterActor
from runtime.health import Health
from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Books, Reading, Snapshot
from runtime.telemetry.gpus import GpuReadings

ANSWER_S = 1.0


@define(eq=False)
class Readings:
    """Reads the parts of one server. `connections`: WebSockets that hold a slot. `waiting`: bytes in each outbox.

    `restarts`: of the chat engine; `cache_resets`: of its prefix cache.
    """

    health: Health
    connections: Callable[[], int]
    waiting: Callable[[], Iterable[int]]
    gpus: GpuReadings
    chat: EngineActor | None = None
    router: RouterActor | None = None
    restarts: Callable[[], int] = lambda: 0
    cache_resets: Callable[[], int] = lambda: 0

    async def snapshot(self, books: Books) -> Snapshot:
        """The books with everything that is observed, and the engine's own count, if it answers soon: who scrapes a
        server whose engine hangs wants to read of it before his patience is over.
        """
        unfinished = None
        if self.chat is not None:
            with trio.move_on_after(ANSWER_S):
                unfinished = await self.chat.unfinished()
        rows = list(self._read())
        if unfinished is not None:
            rows.append(Reading(of.ENGINE_UNFINISHED, unfinished))
        return books.snapshot([*rows, *self._ratio(books)])

    def _read(self) -> Iterator[Reading]:
        yield Reading(of.READY, int(not self.health.reason()))
        yield Reading(of.TASKS, trio.lowlevel.current_statistics().tasks_living)
        yield Reading(of.ACTIVE_CONNECTIONS, self.connections())
        sizes = list(self.waiting())
        yield Reading(of.OUTBOX_SIZE, sum(sizes), ("all",))
        yield Reading(of.OUTBOX_SIZE, max(sizes, default=0), ("largest",))
        if self.chat is not None:
            yield from self._engine(self.chat)
        if self.router is not None:
            yield from _router(self.router)
        yield from self.gpus.rows()

    def _engine(self, chat: EngineActor) -> Iterator[Reading]:
        stats = chat.stats()
        yield Reading(of.ACTIVE_GENERATIONS, stats.running)
        yield Reading(of.UNCONFIRMED_ABORTS, stats.unconfirmed_aborts)
        yield Reading(of.ENGINE_STALLED, int(stats.state is EngineState.STALLED))
        yield Reading(of.ENGINE_RESTARTS, self.restarts())
        yield Reading(of.CACHE_RESETS, self.cache_resets())

    def _ratio(self, books: Books) -> Iterator[Reading]:
        if self.chat is not None:
            prompt = books.total(of.PROMPT_TOKENS_TOTAL)
            ratio = books.total(of.CACHED_PROMPT_TOKENS) / prompt if prompt else 0.0
            yield Reading(of.PREFIX_HIT_RATIO, round(ratio, 4))


def _router(router: RouterActor) -> Iterator[Reading]:
    stats = router.stats()
    yield Reading(of.ROUTER_UP, int(stats.up))
    yield Reading(of.ROUTER_QUEUED, stats.queued)
    yield Reading(of.ROUTER_RUNNING, stats.running)
    yield Reading(of.ROUTER_BATCHES, stats.batches)
    yield Reading(of.ROUTER_WITHDRAWN, stats.withdrawn)
    yield Reading(of.ROUTER_DECISIONS, stats.yes, ("yes",))
    yield Reading(of.ROUTER_DECISIONS, stats.no, ("no",))
    for cause, count in stats.errors.items():
        yield Reading(of.ROUTER_ERRORS, count, (cause,))


__all__ = ["Readings"]
