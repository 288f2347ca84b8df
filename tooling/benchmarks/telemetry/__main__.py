"""`python -m tooling.benchmarks.telemetry`: CPU per turn and per token without telemetry, with the page for Prometheus
(scraped), and with everything: page, OTLP traces and metrics, Sentry.

A scripted engine behind the whole server, real sockets, clients and receivers in processes of their own. All servers
are up at once and take turns, round by round, in both orders. Each way serves short and long replies: a token costs the
difference between them, divided by the difference in tokens; a turn is the short one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tqdm import tqdm

from tooling.benchmarks.children import answers, child, listens
from tooling.benchmarks.figures import Figure, Spread, arguments, ratios, told
from tooling.benchmarks.scripted.server import MODULE, scripted
from tooling.benchmarks.serving import shape
from tooling.benchmarks.serving.processes import free_port

PACKAGE = "tooling.benchmarks.telemetry"
OFF, PAGE, ALL = "off", "page", "everything"
WAYS = (OFF, PAGE, ALL)
SHORT, LONG = 40, 240
"""Tokens of a reply; 40 are two spoken sentences."""
STEP_MS = 4
SCRAPE_S = 2.0
"""A scrape interval far below anybody's: what a page costs is in it."""
Samples = dict[tuple[str, int], list[float]]


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
def servers(model: Path, environ: Mapping[str, str], sessions: int) -> Iterator[dict[tuple[str, int], tuple[int, int]]]:
    """Port and pid of each way with replies of each length."""
    receiver = free_port()
    with ExitStack() as stack:
        argv = [f"-m{PACKAGE}.receivers", str(receiver)]
        stack.enter_context(child(argv, environ, lambda: listens(receiver)))
        places = {}
        for way in WAYS:
            for tokens in (SHORT, LONG):
                wanted = {**environ, **settings(way, receiver)}
                argv = [f"-m{MODULE}", str(STEP_MS), str(tokens)]
                places[way, tokens] = stack.enter_context(scripted(argv, model, wanted, sessions))
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


def measure(model: Path, environ: Mapping[str, str], options: argparse.Namespace) -> Samples:
    """Microseconds a turn by way and length, a value a round."""
    seen: Samples = {}
    with servers(model, environ, options.sessions) as places:
        for number in tqdm(range(options.rounds), disable=None):
            order = WAYS if number % 2 == 0 else WAYS[::-1]
            for tokens, turns in ((SHORT, options.turns), (LONG, max(2, options.turns // 4))):
                for way in order:
                    spent = cost(places[way, tokens], way, options.sessions, turns)
                    seen.setdefault((way, tokens), []).append(spent)
    return seen


def per_token(seen: Samples, way: str) -> list[float]:
    """Microseconds a token, round by round."""
    pairs = zip(seen[way, LONG], seen[way, SHORT], strict=True)
    return [(long - short) / (LONG - SHORT) for long, short in pairs]


def rows(seen: Samples) -> Iterator[dict[str, object]]:
    """The table."""
    for way in WAYS:
        yield {
            "telemetry": way,
            f"CPU us a turn of {SHORT} tokens": f"{Spread.of(seen[way, SHORT]):.0f}",
            f"a turn of {LONG}": f"{Spread.of(seen[way, LONG]):.0f}",
            "a token": f"{Spread.of(per_token(seen, way)):.2f}",
        }


def figures(seen: Samples) -> Iterator[Figure]:
    """What may be spent on telemetry."""
    for way in (PAGE, ALL):
        bounds = {"at_most": 1.05} if way == ALL else {}
        yield ratios(f"CPU of a turn with telemetry: {way}, to off", seen[way, SHORT], seen[OFF, SHORT], **bounds)
        yield ratios(f"CPU of a long turn with telemetry: {way}, to off", seen[way, LONG], seen[OFF, LONG])
        more = [one - off for one, off in zip(per_token(seen, way), per_token(seen, OFF), strict=True)]
        yield Figure(
            f"CPU of a token with telemetry: {way}, above off", Spread.of(more), "us", 1.0 if way == ALL else None
        )


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
