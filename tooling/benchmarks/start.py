"""`python -m tooling.benchmarks.start`: how long a start takes beside the loading of a model.

`python -m runtime` with no engine to load, until it takes connections; a server whose engine has just said that it is
ready, until `/readyz` says so; `python -m tooling.clients.live` at a terminal, until it asks for a line (a reply of one
token before it). One after the other, round by round; the files are in the page cache after a first, unmeasured round.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import define
from tqdm import tqdm

from engines.base import Deliver, EngineInfo, Progress
from tooling.benchmarks.children import answers, child, listens
from tooling.benchmarks.figures import Figure, Spread, arguments, told
from tooling.benchmarks.scripted.engine import StampingEngine, script
from tooling.benchmarks.scripted.server import KEY, Scripted, scripted, settings
from tooling.benchmarks.serving import shape
from tooling.benchmarks.serving.dummy_weights import start
from tooling.benchmarks.serving.processes import free_port
from tooling.clients.live.screens.status import State

AT_MOST_S = 1.0
POLL_S = 0.002
IDLE = State.IDLE.value[0].encode()
"""The first cell of the status line, which differs in every state, when it is the user's turn."""
TERM = "xterm-256color"
LISTENS, READY, PROMPTS = "python -m runtime listens", "ready engine to ready server", "live prompts"


@define(eq=False)
class TellingEngine(StampingEngine):
    """Writes down when it was ready. `note`: where."""

    note: Path = Path()

    async def open(self, deliver: Deliver, progress: Progress) -> EngineInfo:
        """As the engine contract says."""
        info = await super().open(deliver, progress)
        self.note.write_text(str(time.monotonic()), encoding="ascii")
        return info


def listening(model: Path, environ: Mapping[str, str]) -> float:
    """Seconds from the start of a server until it takes connections."""
    port = free_port()
    began = time.monotonic()
    with child(["-m", "runtime"], {**environ, **settings(model, port, 8)}, lambda: listens(port), POLL_S):
        return time.monotonic() - began


def serving(model: Path, environ: Mapping[str, str]) -> float:
    """Seconds from a ready engine to a ready server."""
    port, note = free_port(), model / "engine-ready"
    note.unlink(missing_ok=True)
    argv = ["-m", "tooling.benchmarks.start", "--serve", str(note)]
    with child(argv, {**environ, **settings(model, port, 8)}, lambda: answers(port, "/readyz"), POLL_S):
        return time.monotonic() - float(note.read_text(encoding="ascii"))


def prompting(port: int, environ: Mapping[str, str]) -> float:
    """Seconds from the start of `live` at a terminal until it asks for a line."""
    screen, terminal = os.openpty()
    url = f"ws://127.0.0.1:{port}/ws"
    argv = [sys.executable, "-m", "tooling.clients.live", "--server", url, "--api-key", KEY]
    began = time.monotonic()
    process = subprocess.Popen(argv, stdin=terminal, stdout=terminal, stderr=terminal, env={**environ, "TERM": TERM})
    os.close(terminal)
    shown = b""
    try:
        while IDLE not in shown:
            shown += os.read(screen, 4096)
        return time.monotonic() - began
    except OSError as error:  # the terminal's last user is gone
        raise SystemExit(f"live ended early:\n{shown.decode(errors='replace')}") from error
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def measure(model: Path, environ: Mapping[str, str], rounds: int) -> dict[str, list[float]]:
    """Seconds by what was measured."""
    seconds: dict[str, list[float]] = {LISTENS: [], READY: [], PROMPTS: []}
    server = ["-m", "tooling.benchmarks.scripted.server", "1", "1"]
    with scripted(server, model, environ, 8) as (port, _):
        for number in tqdm(range(rounds + 1), disable=None):
            one = {
                LISTENS: listening(model, environ),
                READY: serving(model, environ),
                PROMPTS: prompting(port, environ),
            }
            for name, took in one.items() if number else ():
                seconds[name].append(took)
    return seconds


def figures(seconds: Mapping[str, Sequence[float]]) -> Iterator[Figure]:
    """Each with its bound."""
    for name, took in seconds.items():
        yield Figure(name, Spread.of(took), "s", at_most=AT_MOST_S)


def serve(note: Path) -> int:
    """The server of `serving`."""
    said = script(0.001, 1)
    return start("dummy", lambda found, around: Scripted(found, around, make=lambda: TellingEngine(said, note=note)))


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the benchmark; the exit status."""
    parser = arguments("start", __doc__, rounds=5)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.serve is not None:
        return serve(options.serve)
    with tempfile.TemporaryDirectory(prefix="start-") as scratch:
        shape.write("tiny", Path(scratch))
        seconds = measure(Path(scratch), environ, options.rounds)
    return told(options, [], list(figures(seconds)), print)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
