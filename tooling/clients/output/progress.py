"""Progress of many turns on stderr: a redrawn line on a terminal, a plain one every tenth elsewhere."""

from typing import TextIO

from tooling.clients.output.percentiles import summarise

WIDTH = 20
REDRAW_S = 0.1
PLAIN_S = 10.0


class Bar:
    """Counts finished turns; times are seconds of whatever clock the caller uses."""

    def __init__(self, stream: TextIO, total: int, now: float) -> None:
        self.stream = stream
        self.total = total
        self.ok = 0
        self.failed = 0
        self._began = now
        self._shown_at = now
        self._tenth = 0
        self._samples: list[float] = []
        self._terminal = stream.isatty()

    def finished(self, now: float, *, ok: bool, ttfb_ms: float | None) -> None:
        """One turn is over."""
        self.ok += ok
        self.failed += not ok
        if ttfb_ms is not None:
            self._samples.append(ttfb_ms)
        self.show(now)

    def say(self, text: str) -> None:
        """A line of its own, above the bar."""
        self.wipe()
        print(text, file=self.stream, flush=True)

    def show(self, now: float) -> None:
        """Draw, if it is time to."""
        done, tenth = self.ok + self.failed, 10 * (self.ok + self.failed) // self.total
        waited = now - self._shown_at
        if self._terminal:
            if waited < REDRAW_S and done < self.total:
                return
            self.wipe()
            self.stream.write(self.line(now))
            self.stream.flush()
        elif tenth > self._tenth or waited >= PLAIN_S:
            print(self.line(now), file=self.stream, flush=True)
        else:
            return
        self._tenth, self._shown_at = tenth, now

    def close(self) -> None:
        """Take the bar away."""
        self.wipe()

    def line(self, now: float) -> str:
        """The bar as text: share, counts, median first token, elapsed < left."""
        done = self.ok + self.failed
        filled = WIDTH * done // self.total
        elapsed = now - self._began
        left = _clock(elapsed / done * (self.total - done)) if done else "-:--"
        summary = summarise(self._samples)
        p50 = f"  p50 {summary.p50:.0f}ms" if summary else ""
        counts = f"{done}/{self.total}  ok {self.ok}  failed {self.failed}"
        return f"[{'#' * filled}{'-' * (WIDTH - filled)}] {counts}{p50}  {_clock(elapsed)}<{left}"

    def wipe(self) -> None:
        """Make room for another line; the bar comes back when it is shown next."""
        if self._terminal:
            self.stream.write("\r\x1b[K")
            self.stream.flush()


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


__all__ = ["Bar"]
