"""Memory and utilization of each GPU, by NVML; nothing where there is none.

A device can fall off its bus, and a driver can hang: it is asked in a thread of its own, one question at a time, and
what was learnt is shown for a while. A device that does not answer is a missing row.
"""

import math
from collections.abc import Callable, Iterator, Sequence

import pynvml
import structlog
import trio
from attrs import define, field, frozen

from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Reading

log = structlog.get_logger()
EVERY_S = 5.0
STALE_S = 30.0
"""What is older is shown no more: the driver has stopped answering."""


@frozen
class GpuReading:
    """One device. `index`: NVML's, as nvidia-smi has it. Memory in bytes; `utilization` in percent, None if unknown."""

    index: int
    used: int
    free: int
    total: int
    utilization: int | None


def ask(indices: Sequence[int]) -> tuple[GpuReading, ...]:
    """What these devices say now, without those that say nothing. Blocking."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        return tuple(reading for index in indices if (reading := _ask_one(index)) is not None)
    finally:
        pynvml.nvmlShutdown()


def _ask_one(index: int) -> GpuReading | None:
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    except pynvml.NVMLError:
        return None
    return GpuReading(index, int(memory.used), int(memory.free), int(memory.total), _utilization(handle))


def _utilization(handle: object) -> int | None:
    """A slice of a GPU (MIG) has memory, and no utilization."""
    try:
        return int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except pynvml.NVMLError:
        return None


@define(eq=False)
class GpuReadings:
    """The latest readings of the devices that this server uses (`indices`)."""

    indices: Sequence[int]
    ask: Callable[[Sequence[int]], tuple[GpuReading, ...]] = ask
    clock: Callable[[], float] = trio.current_time
    _latest: tuple[GpuReading, ...] = ()
    _at: float = field(default=-math.inf)
    _lost: frozenset[int] = frozenset()
    _limiter: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(1))

    async def run(self) -> None:
        """Ask every few seconds until cancelled; returns at once where there is nothing to ask."""
        while self.indices:
            await self.look()
            await trio.sleep(EVERY_S)

    async def look(self, patience_s: float = STALE_S) -> None:
        """Ask once. A driver that hangs keeps the one thread in which it was asked, and is told of like any other."""
        try:
            with trio.fail_after(patience_s):
                latest = await trio.to_thread.run_sync(
                    self.ask, self.indices, abandon_on_cancel=True, limiter=self._limiter
                )
        except Exception as error:  # the door: whatever the driver's library raises costs rows and nothing else
            if self._lost != frozenset(self.indices):
                log.warning("gpu.unreadable", error=type(error).__name__)
            latest = ()
        self._latest, self._at = latest, self.clock()
        self._tell_lost(frozenset(self.indices) - {each.index for each in latest})

    def rows(self) -> Iterator[Reading]:
        """What there is to show."""
        if self.clock() - self._at > STALE_S:
            return
        for gpu in self._latest:
            device = (str(gpu.index),)
            yield Reading(of.GPU_MEMORY_USED, gpu.used, device)
            yield Reading(of.GPU_MEMORY_FREE, gpu.free, device)
            yield Reading(of.GPU_MEMORY_TOTAL, gpu.total, device)
            if gpu.utilization is not None:
                yield Reading(of.GPU_UTILIZATION, gpu.utilization, device)

    def _tell_lost(self, lost: frozenset[int]) -> None:
        if lost != self._lost:
            self._lost = lost
            if lost:
                log.warning("gpu.lost", devices=sorted(lost))
            else:
                log.info("gpu.found_again")


__all__ = ["GpuReading", "GpuReadings", "ask"]
