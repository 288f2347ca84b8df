"""Progress of many turns on stderr: a redrawn line on a terminal, a plain one every tenth elsewhere."""

import contextlib
import os
from collections.abc import AsyncIterator
from typing import TextIO

import trio

from tooling.clients.output.percentiles import summarise

WIDTH = 20
REDRAW_S = 0.1
LOOK_S = 0.5  # between looks at the clock while nothing finishes
PLAIN_S = 10.0


class LastLine:
    """The line at the bottom of a terminal, drawn over again; elsewhere, plain lines. Without a stream, nothing."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.terminal = stream is not None and stream.isatty()

    def draw(self, text: str) -> None:
        """Show this in place of what is there."""
        self.wipe()
        self.put(text[: self._columns() - 1] if self.terminal else f"{text}\n")

    def wipe(self) -> None:
        """Make room for another line; this one comes back when it is drawn next."""
        if self.terminal:
            self.put("\r\x1b[K")

    def put(self, text: str) -> None:
        """Write as it is."""
        if self.stream is None:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:  # nobody looks any more; what the run finds does not depend on it
            self.stream = None

    def _columns(self) -> int:
        """Of the terminal as it is now: a longer line would leave its first half behind when it is wiped."""
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80 if self.stream is not None else 80
        except OSError:
            return 80


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


__all__ = ["PLAIN_S", "WIDTH", "Bar", "LastLine", "progress"]
