"""Simulated time's diary: what happens when, in one task, in an order that depends on nothing but the plan."""

import heapq
import math
from collections.abc import Callable

import trio
from attrs import define, field


@define(eq=False)
class Network:
    """Runs callbacks at their times. Two at the same time run in the order in which they were entered."""

    _due: list[tuple[float, int, Callable[[], None]]] = field(factory=list)
    _entered: int = 0
    _sleeps_until: float = -math.inf
    _bell: trio.Event = field(factory=trio.Event)

    def at(self, time: float, happens: Callable[[], None]) -> None:
        """Enter something; what is late happens next."""
        self._entered += 1
        heapq.heappush(self._due, (time, self._entered, happens))
        if time < self._sleeps_until:
            self._bell.set()

    def after(self, seconds: float, happens: Callable[[], None]) -> None:
        """The same, so many seconds from now."""
        self.at(trio.current_time() + seconds, happens)

    @property
    def busy(self) -> int:
        """What has not happened yet."""
        return len(self._due)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            while self._due and self._due[0][0] <= trio.current_time():
                heapq.heappop(self._due)[2]()
            self._sleeps_until = self._due[0][0] if self._due else math.inf
            with trio.move_on_at(self._sleeps_until):
                await self._bell.wait()
            self._sleeps_until = -math.inf
            self._bell = trio.Event()


__all__ = ["Network"]
