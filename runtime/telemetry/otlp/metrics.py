"""The books, sent as a whole from time to time: what one request lost the next one brings."""

from collections.abc import Mapping
from functools import partial
from time import time_ns

import trio
from attrs import define

from runtime.telemetry.otlp.lane import SEND_S, Lane
from runtime.telemetry.otlp.sender import Outcome
from runtime.telemetry.otlp.wire import encode_metrics
from runtime.telemetry.outlet import Look


@define(eq=False)
class MetricExport:
    """`started_ns`: since when the books count, Unix time. `every_s`: seconds between requests."""

    lane: Lane
    resource: Mapping[str, str]
    started_ns: int
    every_s: float
    _look: Look | None = None

    async def run(self, look: Look) -> None:
        """Send until cancelled."""
        self._look = look
        while True:
            await trio.sleep(self.every_s)
            outcome = await self._send(look, SEND_S)
            await trio.sleep(outcome.wait_s)

    async def finish(self, timeout_s: float) -> None:
        """Send them as they are in the end."""
        await self.lane.settle()
        if self._look is not None:
            await self._send(self._look, timeout_s)

    async def _send(self, look: Look, timeout_s: float) -> Outcome:
        try:
            snapshot = await look()
        except Exception as error:  # a barrier: what cannot be read is not sent
            outcome = self.lane.mistake(error)
        else:
            encode = partial(encode_metrics, snapshot, self.resource, self.started_ns, time_ns())
            outcome = await self.lane.send(encode, timeout_s)
        self.lane.tell(outcome)
        return outcome


__all__ = ["MetricExport"]
