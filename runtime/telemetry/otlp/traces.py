"""Spans that wait to be sent, in batches: when there are enough for one, and from time to time."""

from collections import deque
from collections.abc import Mapping, Sequence

import trio
from attrs import define, field

from runtime.telemetry.otlp.lane import SEND_S, Lane
from runtime.telemetry.otlp.sender import Outcome
from runtime.telemetry.otlp.spans import Span
from runtime.telemetry.otlp.wire import encode_spans

MOST_SPANS = 8192
"""That wait, of 1.5 kB each at the most; one more costs the oldest."""


@define(eq=False)
class SpanExport:
    """`every_s`: seconds between requests, where there are spans. `batch`: how many a request, `MOST_SPANS` or less."""

    lane: Lane
    resource: Mapping[str, str]
    every_s: float
    batch: int
    _waiting: deque[Span] = field(factory=lambda: deque(maxlen=MOST_SPANS))
    _under_way: int = 0
    _enough: trio.Event = field(factory=trio.Event)

    def take(self, span: Span) -> None:
        """Keep a span until it is sent."""
        if len(self._waiting) == MOST_SPANS:
            self.lane.troubles.lost(1)
        self._waiting.append(span)
        if len(self._waiting) >= self.batch:
            self._enough.set()

    @property
    def unsent(self) -> int:
        """Spans of which nobody has said that they arrived."""
        return len(self._waiting) + self._under_way

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            with trio.move_on_after(self.every_s):
                await self._enough.wait()
            while self._waiting:
                outcome = await self._send(SEND_S)
                if outcome.why is not None:
                    await trio.sleep(max(self.every_s, outcome.wait_s))
            self._enough = trio.Event()

    async def finish(self, timeout_s: float) -> None:
        """Send all that wait, unless the receiver refuses."""
        await self.lane.settle()
        self._under_way = 0
        while self._waiting and (await self._send(timeout_s)).why is None:
            pass

    async def _send(self, timeout_s: float) -> Outcome:
        """Send the oldest. Those that may be sent again wait again, before all others."""
        batch = [self._waiting.popleft() for _ in range(min(self.batch, len(self._waiting)))]
        begun = False

        def encode() -> bytes:
            nonlocal begun
            begun = True
            return encode_spans(batch, self.resource)

        self._under_way = len(batch)
        try:
            outcome = await self.lane.send(encode, timeout_s)
        except trio.Cancelled:
            if not begun:
                self._under_way = 0
                self.lane.troubles.lost(self._put_back(batch))
            raise
        self._under_way = 0
        lost = min(outcome.rejected, len(batch))  # a receiver may say anything
        if outcome.again or not begun:  # a request that was given up may still hold the lane: none of it was sent
            lost = self._put_back(batch)
        elif outcome.why is not None:
            lost = len(batch)
        self.lane.troubles.lost(lost)
        self.lane.tell(outcome)
        return outcome

    def _put_back(self, batch: Sequence[Span]) -> int:
        """Let them wait again; how many of them there is no room for."""
        room = MOST_SPANS - len(self._waiting)
        back = batch[max(0, len(batch) - room) :]
        self._waiting.extendleft(reversed(back))
        return len(batch) - len(back)


__all__ = ["MOST_SPANS", "SpanExport"]
