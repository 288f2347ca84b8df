"""`python -m tooling.benchmarks.telemetry`: CPU per turn and per token without telemetry, with the page for Prometheus
(scraped), and with everything: page, OTLP traces and metrics, Sentry.

Twice. A scripted engine behind the whole server, real sockets, clients and receivers in processes of their own, tells
what a whole turn takes; it varies by a tenth from round to round, as much as telemetry may take. So what telemetry adds
is measured where nothing else is: sessions and engine actor in a loop without sockets, a process a round and way, all
threads counted. All take turns, round by round, in both orders.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import define, field
from tqdm import tqdm

from tooling.benchmarks.children import answers, child, listens
from tooling.benchmarks.figures import Figure, Spread, arguments, ratios, told
from tooling.benchmarks.scripted.server import MODULE, scripted
from tooling.benchmarks.scripted.server import settings as scripted_settings
from tooling.benchmarks.serving import shape
from tooling.benchmarks.serving.processes import free_port
from tooling.benchmarks.telemetry import inside as inner

PACKAGE = "tooling.benchmarks.telemetry"
OFF, PAGE, ALL = "off", "page", "everything"
WAYS = (OFF, PAGE, ALL)
TOKENS = 40
"""Of a reply: two spoken sentences."""
INSIDE_TURNS = 24
"""A history grows with them, and with it what a turn costs: each is compared with the same one of another way."""
STEP_MS = 4
SCRAPE_S = 5.0
"""As often as the eager scrape: what a page costs is in it."""


@define
class Seen:
    """By way, a value a round: microseconds a whole turn; inside, turn by turn, a token while it flows and the rest."""

    whole: dict[str, list[float]] = field(factory=lambda: defaultdict(list))
    inside: dict[str, list[list[tuple[float, float]]]] = field(factory=lambda: defaultdict(list))

    def medians(self, way: str, which: int) -> list[float]:
        """Round by round, of a token (0) or the rest of a turn (1)."""
        return [statistics.median(turn[which] for turn in turns) for turns in self.inside[way]]

    def added(self, way: str, which: int) -> list[float]:
        """The same of what a way takes above none, turn by turn."""
        rounds = zip(self.inside[way], self.inside[OFF], strict=True)
        return [
            statistics.median(one[which] - off[which] for one, off in zip(ones, offs, strict=True))
            for ones, offs in rounds
        ]


def settings(way: str, receiver: int) -> dict[str, str]:
    """What makes a server one of these. `receiver`: the port of whoever takes what is sent."""
    page = {"METRICS_ENABLED": "1"}
    exports = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver}",
        "OTEL_METRICS_EXPORT_INTERVAL_MS": "5000",
        "SENTRY_DSN": f"http://key@127.0.0.1:{receiver}/42",
    }
    return {OFF: {}, PAGE: page, ALL: page | exports}[way]


@contextmanager
def servers(
    model: Path, environ: Mapping[str, str], sessions: int, receiver: int
) -> Iterator[dict[str, tuple[int, int]]]:
    """Port and pid of each way."""
    with ExitStack() as stack:
        places = {}
        for way in WAYS:
            argv = [f"-m{MODULE}", str(STEP_MS), str(TOKENS)]
            places[way] = stack.enter_context(scripted(argv, model, {**environ, **settings(way, receiver)}, sessions))
        yield places


@contextmanager
def scraped(port: int, way: str) -> Iterator[None]:
    """Somebody reads the page from time to time meanwhile, where there is one."""
    over = threading.Event()

    def scrape() -> None:
        while not over.wait(SCRAPE_S):
            answers(port, "/metrics")

    if way == OFF:
        yield
        return
    reader = threading.Thread(target=scrape)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()


def cost(place: tuple[int, int], way: str, sessions: int, turns: int) -> float:
    """Microseconds of the server's CPU a turn."""
    argv = [sys.executable, "-m", f"{PACKAGE}.talkers", *map(str, (*place, sessions, turns))]
    with scraped(place[0], way):
        done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit("the clients failed")
    seconds, count = json.loads(done.stdout)
    return float(seconds / count * 1e6)


def inside(model: Path, environ: Mapping[str, str], way: str, receiver: int) -> list[tuple[float, float]]:
    """Of a process of its own, turn by turn: microseconds a token, and a turn beside."""
    wanted = {**environ, **scripted_settings(model, free_port(), inner.SESSIONS), **settings(way, receiver)}
    argv = [sys.executable, "-m", f"{PACKAGE}.inside", str(model), str(TOKENS), str(INSIDE_TURNS)]
    done = subprocess.run(argv, env=wanted, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit("the sessions failed")
    return [(token, turn) for token, turn in json.loads(done.stdout)]


def measure(model: Path, environ: Mapping[str, str], options: argparse.Namespace) -> Seen:
    """All rounds."""
    seen, receiver = Seen(), free_port()
    with ExitStack() as stack:
        argv = [f"-m{PACKAGE}.receivers", str(receiver)]
        stack.enter_context(child(argv, environ, lambda: listens(receiver)))
        places = stack.enter_context(servers(model, environ, options.sessions, receiver))
        for number in tqdm(range(options.rounds), disable=None):
            for way in WAYS if number % 2 == 0 else WAYS[::-1]:
                seen.whole[way].append(cost(places[way], way, options.sessions, options.turns))
                seen.inside[way].append(inside(model, environ, way, receiver))
    return seen


def rows(seen: Seen) -> Iterator[dict[str, object]]:
    """The table, in microseconds of CPU."""
    for way in WAYS:
        yield {
            "telemetry": way,
            f"a turn of {TOKENS} tokens, whole server": f"{Spread.of(seen.whole[way]):.0f}",
            "inside: a token while it flows": f"{Spread.of(seen.medians(way, 0)):.2f}",
            "inside: a turn beside that": f"{Spread.of(seen.medians(way, 1)):.0f}",
        }


def figures(seen: Seen) -> Iterator[Figure]:
    """What may be spent on telemetry."""
    turn = statistics.median(seen.whole[OFF])
    for way in (PAGE, ALL):
        token, beside = seen.added(way, 0), seen.added(way, 1)
        added = [1 + (more + TOKENS * each) / turn for more, each in zip(beside, token, strict=True)]
        bound = way == ALL
        yield Figure(f"a token, {way} above off", Spread.of(token), "us", 1.0 if bound else None)
        yield Figure(f"a turn beside its tokens, {way} above off", Spread.of(beside), "us")
        yield Figure(f"a turn, with what {way} adds, to off", Spread.of(added), at_most=1.05 if bound else None)
        yield ratios(f"a turn of the whole server, {way} to off", seen.whole[way], seen.whole[OFF])


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the benchmark; the exit status."""
    parser = arguments("telemetry", __doc__, rounds=6)
    parser.add_argument("--sessions", type=int, default=32, metavar="N", help="at once (default 32)")
    parser.add_argument("--turns", type=int, default=20, metavar="N", help="of each session a round (default 20)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="telemetry-") as scratch:
        shape.write("tiny", Path(scratch))
        seen = measure(Path(scratch), environ, options)
    return told(options, list(rows(seen)), list(figures(seen)), print)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
