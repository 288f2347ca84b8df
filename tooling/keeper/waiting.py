"""The command in front of a launch that went to the background: tells what it is at, until it is known how it goes."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from attrs import define

from tooling.keeper.ends import how
from tooling.refusal import FAILED
from tooling.running import Phase

TAIL_BYTES = 1 << 16
TAIL_LINES = 60
BANNER = "===== "
"""How the first line of a launch begins."""
INTERRUPTED, TERMINATED = 130, 143


@define(eq=False)
class Waiting:
    """`pid`: the keeper, a child of ours. `news`: a descriptor from which a JSON line comes with each change.

    `extra`: what to print when it is ready.
    """

    pid: int
    news: int
    log: Path
    extra: Sequence[str]
    say: Callable[[str], None]

    def until_ready(self) -> int:
        """The code to exit with: of a launch that serves, or of one that has ended. Ctrl+C only ends the waiting."""
        try:
            for phase, progress, code in self._told():
                if phase is Phase.READY:
                    for extra in self.extra:
                        print(extra, flush=True)
                    return code
                if progress:
                    self.say(progress)
            return self._ended()
        except KeyboardInterrupt:
            self.say("it goes on in the background: just status, just logs, just stop")
            return INTERRUPTED

    def _told(self) -> Iterator[tuple[Phase, str, int]]:
        shown = ""
        with os.fdopen(self.news, encoding="utf-8") as lines:
            for line in lines:
                told = json.loads(line)
                progress = told["progress"] if told["progress"] != shown else ""
                shown = told["progress"]
                yield Phase(told["phase"]), progress, told["code"]

    def _ended(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        for line in last_lines(self.log, TAIL_LINES):
            print(line, file=sys.stderr)
        if code == 0:
            self.say("it was stopped before it was ready")
            return TERMINATED
        if code < 0:
            self.say(f"its keeper was ended by {how(code)}; the log: {self.log}")
            return FAILED
        self.say(f"it did not become ready (exit code {code}); the log: {self.log}")
        return code


def last_lines(path: Path, count: int) -> list[str]:
    """The end of what the last launch wrote to a log; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    begins = [place for place, line in enumerate(lines) if line.startswith(BANNER)]
    return lines[begins[-1] if begins else 0 :][-count:]


__all__ = ["Waiting", "last_lines"]
