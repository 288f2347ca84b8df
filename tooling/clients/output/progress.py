"""Progress of many turns on stderr: a redrawn line on a terminal, a plain one every tenth elsewhere."""

import contextlib
from collections.abc import AsyncIterator
from typing import TextIO

import trio

from tooling.clients.output.last_line import LastLine
from tooling.clients.output.percentiles import summarise

WIDTH = 20
REDRAW_S = 0.1
LOOK_S = 0.5  # between looks at the clock while nothing finishes
PLAIN_S = 10.0


class Bar(LastLine):
    """Counts finished turns; times are seconds of whatever clock the caller uses. Without a stream it only counts.

    `total`: how many there will be; None where a run lasts `for_s` seconds and nobody knows.
    """

    def __init__(self, stream: TextIO | None, total: int | None, now: float, *, for_s: float = 0.0) -> None:
        super().__init__(stream)
        self.total = None if total is None else max(total, 1)
        self.for_s = for_s
        self.ok = 0
        self.failed = 0
        self._began = now
        self._shown_at = now
        self._tenth = 0
        self._samples: list[float] = []

    def finished(self, now: float, *, ok: bool, ttfb_ms: float | None) -> None:
        """One turn is over."""
        self.ok += ok
        self.failed += not ok
        if ttfb_ms is not None:
            self._samples.append(ttfb_ms)
        self.show(now)

    def expect_fewer(self, turns: int) -> None:
        """So many will not be sent after all."""
        if self.total is not None:
            self.total = max(self.total - turns, 1)

    def say(self, text: str) -> None:
        """A line of its own, above the bar."""
        self.wipe()
        self.put(f"{text}\n")

    def show(self, now: float) -> None:
        """Draw, if it is time to."""
        share = self._share(now)
        tenth, waited = int(10 * share), now - self._shown_at
        due = waited >= REDRAW_S or share >= 1 if self.terminal else tenth > self._tenth or waited >= PLAIN_S
        if not due:
            return
        self.draw(self.line(now))
        self._tenth, self._shown_at = tenth, now

    def close(self) -> None:
        """Take the bar away."""
        self.wipe()

    def line(self, now: float) -> str:
        """The bar as text: share, counts, median first token, elapsed < left."""
        done, share = self.ok + self.failed, self._share(now)
        filled = int(WIDTH * share)
        elapsed = now - self._began
        left = _clock(elapsed / share * (1 - share)) if share else "-:--"
        summary = summarise(self._samples)
        p50 = f"  p50 {summary.p50:.0f}ms" if summary else ""
        counted = f"{done}/{self.total}" if self.total is not None else f"{done}"
        counts = f"{counted}  ok {self.ok}  failed {self.failed}"
        return f"[{'#' * filled}{'-' * (WIDTH - filled)}] {counts}{p50}  {_clock(elapsed)}<{left}"

    def _share(self, now: float) -> float:
        """Of the run, from 0 to 1."""
        if self.total is None:
            return min(1.0, (now - self._began) / self.for_s)
        return (self.ok + self.failed) / self.total


@contextlib.asynccontextmanager
async def progress(stream: TextIO | None, total: int | None, *, for_s: float = 0.0) -> AsyncIterator[Bar]:
    """A bar on trio's clock that keeps moving while nothing finishes; it is gone when the block ends."""
    bar = Bar(stream, total, trio.current_time(), for_s=for_s)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_redraw, bar)
        try:
            yield bar
        except Exception as error:  # carried past the nursery, which would wrap it in a group
            failure = error
        finally:
            nursery.cancel_scope.cancel()
            bar.close()
    if failure is not None:
        raise failure


async def _redraw(bar: Bar) -> None:
    while True:
        bar.show(trio.current_time())
        await trio.sleep(LOOK_S)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


__all__ = ["PLAIN_S", "WIDTH", "Bar", "progress"]
