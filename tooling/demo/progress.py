"""Progress of a long step on stderr: a bar on a terminal, a plain line every tenth elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from tqdm import tqdm

Report = Callable[[str], None]


def stderr_line(text: str) -> None:
    """Write one line of report to stderr, where it cannot mix with a command's result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class Bar:
    """How far a step is, out of `total` units. On a terminal the time it takes moves on with every call."""

    def __init__(self, total: int, label: str, report: Report, unit: str = "step") -> None:
        self._total = total
        self._label = label
        self._report = report
        self._started = time.monotonic()
        self._shown = 0
        self._bar = None
        if sys.stderr.isatty():
            self._bar = tqdm(total=total, desc=label, unit=unit, unit_scale=unit == "B", file=sys.stderr, leave=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def reach(self, done: int) -> None:
        """Show that `done` units of the total are done."""
        if self._bar is not None:
            moved = done - self._bar.n
            if moved:
                self._bar.update(moved)  # redraws at most ten times a second
            else:
                self._bar.refresh()
            return
        tenth = done * 10 // self._total
        if tenth > self._shown:
            self._shown = tenth
            self._report(f"{self._label}: {tenth * 10} % after {time.monotonic() - self._started:.0f} s")


def steps(count: int, label: str, report: Report) -> Iterator[int]:
    """Yield 0 to `count` - 1 and show how far it is."""
    with Bar(count, label, report) as bar:
        for step in range(count):
            yield step
            bar.reach(step + 1)


__all__ = ["Bar", "Report", "stderr_line", "steps"]
