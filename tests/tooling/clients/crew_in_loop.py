"""The processes of a bench run as tasks of the test's loop, so that they are on its clock: what they do is the same."""

import json
import time
from collections.abc import Callable, Mapping, Sequence

import trio
from attrs import define, field

from tooling.clients.bench.worker import work
from tooling.clients.load.crew import Death
from tooling.clients.load.desk import Desk
from tooling.clients.load.health import Health, Pulse
from tooling.clients.load.pipe import Record, line


@define(kw_only=True)
class CrewInLoop:
    """What `Crew` is to a bench run."""

    module: str
    jobs: Sequence[Record]
    environ: Mapping[str, str]
    on_record: Callable[[Record], None]
    on_death: Callable[[Death], None]
    on_start: Callable[[float], None]
    healths: list[Health] = field(factory=list)

    async def run(self) -> None:
        """Until all have ended; what they told is passed on also when that is because of a cancel."""
        outgoing, told = trio.open_memory_channel[Record](float("inf"))
        _, orders = trio.open_memory_channel[Record](0)
        self.on_start(time.monotonic())
        try:
            async with trio.open_nursery() as nursery:
                for job in self.jobs:
                    desk = Desk(json.loads(line(job)), trio.current_time(), orders, outgoing)
                    nursery.start_soon(work, desk)
        finally:
            self.healths += [Pulse().health() for _ in self.jobs]
            while told.statistics().current_buffer_used:
                self.on_record(json.loads(line(told.receive_nowait()))["record"])


__all__ = ["CrewInLoop"]
