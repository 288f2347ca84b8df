"""`python -m tooling.benchmarks.fanout`: the front end alone, beside FastAPI on uvicorn[uvloop] and beside picows.

A scripted engine gives every session one token each 20 ms; real sockets, the clients in a process of their own. All
servers are up at once and take turns, round by round. Measured: CPU of the server's process per token (ours with the
sanitizer on, the engine's own share included and told apart), the delay from an engine step to the client's read, and
whether the cost grows with the number of sessions or with the length of a reply. The rivals send the same frames and
do nothing else.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from attrs import frozen
from tqdm import tqdm

from actors.session.sanitizer import Sanitizer
from tooling.benchmarks.children import child, listens
from tooling.benchmarks.fanout.listeners import Seen
from tooling.benchmarks.figures import Figure, Spread, arguments, ratios, told
from tooling.benchmarks.scripted.server import MODULE, scripted
from tooling.benchmarks.scripted.stamps import stamp
from tooling.benchmarks.serving import shape
from tooling.benchmarks.serving.processes import free_port

PACKAGE = "tooling.benchmarks.fanout"
OURS, RAW, UVICORN, LOOP, PICOWS = "ours", "ours, no sanitizer", "uvicorn", "uvicorn, one loop", "picows"
WAYS = (OURS, UVICORN, PICOWS, RAW, LOOP)
RIVALS = {UVICORN: ("uvicorn", "tasks"), LOOP: ("uvicorn", "loop"), PICOWS: ("picows",)}
ASIDE = (RAW, LOOP)
"""Only at the sessions that are judged."""
STEP_MS = 20
JUDGED = 256
"""The sessions at which the figures are read."""
LONG = 4000
SETTLE_S = 0.5
QUICK_MS, QUICK_SESSIONS, EARLY, LATE = 2.5, 16, 0.5, 4.0
"""For the length of a reply: quick steps, and the seconds after which tokens are early or late in a reply."""
FLAT = 1.1
Samples = dict[tuple[str, int], list[Seen]]


@frozen
class Servers:
    """Port and pid by way; those of a server of ours with quick steps; sanitised text is `held` tokens late."""

    at: Mapping[str, tuple[int, int]]
    quick: tuple[int, int]
    held: int


def held_tokens() -> int:
    """By how many tokens the sanitizer's text is behind, for words with a space before them."""
    sanitizer = Sanitizer()
    pushed = [stamp() for _ in range(8)]
    return len(pushed) - len("".join(map(sanitizer.push, pushed)).split())


def start(stack: ExitStack, model: Path, environ: Mapping[str, str], sessions: int) -> Servers:
    """Bring all of them up."""
    steady, quick = ([f"-m{MODULE}", str(step), str(LONG)] for step in (STEP_MS, QUICK_MS))
    at = {OURS: stack.enter_context(scripted(steady, model, environ, sessions))}
    at[RAW] = at[OURS]
    for name, (module, *more) in RIVALS.items():
        port = free_port()
        argv = [f"-m{PACKAGE}.over_{module}", str(port), str(STEP_MS), *more]
        process = stack.enter_context(child(argv, environ, lambda port=port: listens(port)))  # type: ignore[misc]
        at[name] = (port, process.pid)
    return Servers(at, stack.enter_context(scripted(quick, model, environ, sessions)), held_tokens())


def look(place: tuple[int, int], sessions: int, seconds: float, held: int | None, settle: float) -> Seen:
    """What clients of one server see, in a process of their own. `held`: tokens; None: without the sanitizer."""
    port, pid = place
    argv = [port, pid, sessions, seconds, int(held is not None), held or 0, settle]
    return Seen(**json.loads(_run("listeners", *argv)))


def _run(module: str, *argv: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"{PACKAGE}.{module}", *map(str, argv)], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{module} failed")
    return done.stdout


def measure(servers: Servers, options: argparse.Namespace) -> tuple[Samples, dict[int, list[float]], list[float]]:
    """What was seen by way and sessions; what the engine alone takes; late to early tokens of a long reply."""
    seen: Samples = {}
    alone: dict[int, list[float]] = {}
    growth: list[float] = []
    aside = judged(options.sessions)
    for number in tqdm(range(options.rounds), disable=None):
        first = number % len(WAYS)
        for sessions in options.sessions:
            for name in (*WAYS[first:], *WAYS[:first]):
                if sessions == aside or name not in ASIDE:
                    held = servers.held if name == OURS else None
                    one = look(servers.at[name], sessions, options.seconds, held, SETTLE_S)
                    seen.setdefault((name, sessions), []).append(one)
            alone.setdefault(sessions, []).append(float(_run("engine_alone", STEP_MS, sessions, 1.0)))
        early, late = (
            look(servers.quick, QUICK_SESSIONS, 1.0, servers.held, settle).us_per_token for settle in (EARLY, LATE)
        )
        growth.append(late / early)
    return seen, alone, growth


def judged(counts: Sequence[int]) -> int:
    """The sessions at which the figures are read: `JUDGED`, or the most there are."""
    return JUDGED if JUDGED in counts else max(counts)


def rows(seen: Samples, alone: Mapping[int, Sequence[float]]) -> Iterator[dict[str, object]]:
    """The table, by sessions."""
    for (name, sessions), mine in sorted(seen.items(), key=lambda item: (item[0][1], WAYS.index(item[0][0]))):
        engine = statistics.median(alone[sessions]) if name in (OURS, RAW) else None
        yield {
            "sessions": sessions,
            "way": name,
            "CPU us/token": f"{Spread.of(one.us_per_token for one in mine):.1f}",
            "of it the engine": engine,
            "step to client p50 ms": f"{Spread.of(one.p50_ms for one in mine):.1f}",
            "p99 ms": f"{Spread.of(one.p99_ms for one in mine):.1f}",
            "tokens/s": round(statistics.median(one.tokens_per_s for one in mine)),
            "client CPU us/token": statistics.median(one.client_us_per_token for one in mine),
        }


def figures(seen: Samples, alone: Mapping[int, Sequence[float]], growth: Sequence[float]) -> Iterator[Figure]:
    """What the front end has to reach, and how far picows is."""
    counts = sorted({sessions for _, sessions in seen})
    at = judged(counts)

    def cost(name: str, sessions: int) -> list[float]:
        return [one.us_per_token for one in seen[name, sessions]]

    def net(sessions: int) -> list[float]:
        return [one - engine for one, engine in zip(cost(OURS, sessions), alone[sessions], strict=True)]

    yield ratios(f"CPU to uvicorn's in one loop, {at} sessions", cost(OURS, at), cost(LOOP, at))
    yield ratios(f"CPU to picows', {at} sessions", cost(OURS, at), cost(PICOWS, at))
    delays = {name: [one.p99_ms for one in seen[name, at]] for name in (OURS, UVICORN)}
    for fewer in counts[:-1]:
        name = f"CPU of {counts[-1]} sessions to {fewer}'s, engine apart"
        yield ratios(name, net(counts[-1]), net(fewer), at_most=FLAT)
    name = f"CPU after {LATE:g} s of a reply to that after {EARLY:g} s"
    yield Figure(name, Spread.of(growth), at_most=FLAT)
    yield ratios(f"step to client p99 to uvicorn's, {at} sessions", delays[OURS], delays[UVICORN], at_most=1.0)
    yield ratios(f"CPU to uvicorn's, {at} sessions", cost(OURS, at), cost(UVICORN, at), at_most=0.75)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the benchmark; the exit status."""
    parser = arguments("fanout", __doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 64, 256, 512], metavar="N")
    parser.add_argument("--seconds", type=float, default=2.5, help="of each look (default 2.5)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fanout-") as scratch, ExitStack() as stack:
        shape.write("tiny", Path(scratch))
        servers = start(stack, Path(scratch), environ, max(options.sessions) + QUICK_SESSIONS)
        seen, alone, growth = measure(servers, options)
    return told(options, list(rows(seen, alone)), list(figures(seen, alone, growth)), print)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
