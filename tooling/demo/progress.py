"""Progress of a long step on stderr: a bar on a terminal, a plain line every tenth elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator

from tqdm import tqdm

Report = Callable[[str], None]


def stderr_line(text: str) -> None:
    """Write one line of report to stderr, where it cannot mix with a command's result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def steps(count: int, label: str, report: Report) -> Iterator[int]:
    """Yield 0 to `count` - 1 and show how far it is."""
    if sys.stderr.isatty():
        yield from tqdm(range(count), desc=label, unit="step", file=sys.stderr, leave=False)
        return
    started = time.monotonic()
    shown = 0
    for step in range(count):
        yield step
        tenth = (step + 1) * 10 // count
        if tenth > shown:
            shown = tenth
            report(f"{label}: {tenth * 10} % after {time.monotonic() - started:.0f} s")


__all__ = ["Report", "stderr_line", "steps"]
