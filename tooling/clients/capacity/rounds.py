"""Loads one server with more and more callers, and finds the largest number that it bears."""

import os
from collections.abc import Callable, Iterator, Mapping

import trio
from attrs import define, field, frozen

from tooling.clients.capacity.caller import Turn
from tooling.clients.capacity.level import Bounds, Level, level
from tooling.clients.capacity.search import Search
from tooling.clients.capacity.ticker import Ticker
from tooling.clients.failures import ClientError, NoConnection
from tooling.clients.load.crew import Crew, Death
from tooling.clients.load.health import bottleneck
from tooling.clients.load.pipe import Record

CROWD = "tooling.clients.capacity.crowd"
PER_PROCESS = 100
"""Callers: each of them streams for a second or two in half a minute."""
GRACE_S = 3.0
"""For the replies of the window's last turns; longer than any bound on their beginnings."""


@frozen(kw_only=True)
class Plan:
    """How a server is loaded. Seconds: callers dial within `spread_s`, the window opens `settle_s` after that.

    `processes`: 0 lets the number of callers decide.
    """

    smallest: int
    limit: int
    window_s: float
    spread_s: float
    settle_s: float
    interrupts: float
    resolution: float
    seed: str
    processes: int
    bounds: Bounds
    lines: tuple[str, ...] = field(repr=False)


@define(eq=False, kw_only=True)
class Server:
    """One server under load. `door`: the way there for a child process, with the key; `levels`: what was tried."""

    name: str
    url: str
    door: Mapping[str, object] = field(repr=False)
    levels: list[Level] = field(factory=list)
    search: Search = field(init=False)

    @property
    def best(self) -> Level | None:
        """The largest load that was borne."""
        return next((one for one in self.levels if one.callers == self.search.best), None)

    def sentence(self) -> str:
        """What came of it."""
        best, worst = self.best, next((one for one in self.levels if one.callers == self.search.too_many), None)
        if best is None:
            smallest = self.search.too_many
            return f"not even {smallest} {'caller fits' if smallest == 1 else 'callers fit'}"
        fit = f"{best.callers} {'caller fits' if best.callers == 1 else 'callers fit'}"
        if worst is None:
            return f"at least {fit} (the most that were tried; --most tries more)"
        if worst.bottleneck is not None:
            return f"at least {fit}; with {worst.callers} {worst.bottleneck}"
        return fit


@define(eq=False, kw_only=True)
class Loader:
    """Carries a plan out. `on_level` gets each load as it is done; `ticker` shows the one under way."""

    plan: Plan
    environ: Mapping[str, str] = field(repr=False)
    on_level: Callable[[Server, Level], None]
    ticker: Ticker

    async def find(self, server: Server) -> None:
        """Try numbers of callers until the largest that fits is known. Raises `ClientError` if the client breaks."""
        plan = self.plan
        search = server.search = Search(min(plan.smallest, plan.limit), plan.limit, plan.resolution)
        await self.load(server, search.smallest, window_s=0.0)  # an engine's first load compiles and fills caches
        while (callers := search.following()) is not None:
            found = await self.load(server, callers, plan.window_s)
            server.levels.append(found)
            search.tried(callers, fits=not found.broken(plan.bounds))
            self.on_level(server, found)

    async def load(self, server: Server, callers: int, window_s: float) -> Level:
        """One number of callers, measured for so long."""
        plan, turns, deaths = self.plan, list[Turn](), list[Death]()
        begin = plan.spread_s + plan.settle_s
        end = begin + window_s
        grace_s = GRACE_S if window_s else 0.0

        def heard(record: Record) -> None:
            turns.append(Turn(**record))
            self.ticker.turn()

        crew = Crew(
            module=CROWD,
            jobs=[*self._jobs(server, callers, end, grace_s)],
            environ=self.environ,
            on_record=heard,
            on_death=deaths.append,
        )
        self.ticker.begin(callers, end + grace_s)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.ticker.tick)
            try:
                await crew.run()
            finally:
                nursery.cancel_scope.cancel()
                self.ticker.wipe()
        if deaths:
            raise ClientError(str(deaths[0]))
        if turns and all(turn.nobody_there for turn in turns):  # fewer callers would not bring it back
            raise NoConnection(f"the server is gone: {turns[-1].error}")
        return level(callers, (begin, end), turns, bottleneck(crew.healths, cores()))

    def _jobs(self, server: Server, callers: int, for_s: float, grace_s: float) -> Iterator[dict[str, object]]:
        plan = self.plan
        processes = min(callers, plan.processes or min(-(-callers // PER_PROCESS), max(1, cores() // 2)))
        seeds = [f"{plan.seed}/{callers}/{number}" for number in range(callers)]
        for number in range(processes):
            yield {
                "door": server.door,
                "callers": seeds[number::processes],
                "lines": plan.lines,
                "interrupts": plan.interrupts,
                "spread_s": plan.spread_s,
                "for_s": for_s,
                "grace_s": grace_s,
            }


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


HEADER = "  callers  turns  cut in   TTFT p50    p99   sentence p50    p99   ran dry  failed"


def row(one: Level, bounds: Bounds) -> str:
    """One of them."""
    figures = (one.ttft_p50_ms, one.ttft_p99_ms, one.sentence_p50_ms, one.sentence_p99_ms)
    ttft50, ttft99, sentence50, sentence99 = ("-" if value is None else f"{value:.0f}" for value in figures)
    why = "; ".join(one.broken(bounds)) or "fits"
    client = " (client busy)" if one.bottleneck else ""
    return (
        f"{one.callers:9d}{one.turns:7d}{one.interrupted:8d}{ttft50:>11}{ttft99:>7}{sentence50:>15}{sentence99:>7}"
        f"{one.dry:>10.1%}{one.failed:8d}  {why}{client}"
    )


__all__ = ["HEADER", "Loader", "Plan", "Server", "cores", "row"]
