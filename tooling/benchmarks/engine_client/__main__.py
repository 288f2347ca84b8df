"""`python -m tooling.benchmarks.engine_client`: CPU per token of our process, step by step, publicly, and `AsyncLLM`'s.

A tiny model on this machine's CPU, so that what is measured is the front end and not the engine. The three ways run in
processes of their own, all up at once, and take turns load by load; only one works at a time.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from tooling import usage
from tooling.benchmarks.engine_client import model
from tooling.benchmarks.engine_client.work import Load, Took
from tooling.benchmarks.figures import Figure, Spread

TARGET = 0.4
WARM_UP = Load(requests=16, tokens=16)
PACKAGE = "tooling.benchmarks.engine_client"
WAYS = {"ours": ("ours", "steps"), "ours, public": ("ours", "public"), "AsyncLLM, uvloop": ("bare_engine",)}
RIVAL = "AsyncLLM, uvloop"


@frozen
class Row:
    """One way under one load. Microseconds of CPU a token: median, least, most; the same of the ratio to the rival."""

    way: str
    requests: int
    us_per_token: tuple[float, float, float]
    ratio: tuple[float, float, float]
    tokens_per_s: float


class Way:
    """A process that does loads."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.note = str(self._answer()["note"])

    def do(self, load: Load) -> Took:
        """Have it do one."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(load)) + "\n")
        self._process.stdin.flush()
        told = self._answer()
        told.pop("us_per_token")
        return Took(**told)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                told: dict[str, Any] = json.loads(line)
                return told
        raise SystemExit(f"a way ended early: {self._process.args!r}")


@contextmanager
def started(arguments: Sequence[str], directory: Path, most: int) -> Iterator[Way]:
    """A way's process, until its work is over."""
    module, *own = arguments
    argv = [sys.executable, "-m", f"{PACKAGE}.{module}", *own, str(directory), str(most)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        # Leaving closes its input, upon which it ends by itself.
        yield Way(process)


def measure(directory: Path, loads: Sequence[Load], rounds: int) -> dict[tuple[str, int], list[Took]]:
    """What each way took for each load, once a round."""
    told: dict[tuple[str, int], list[Took]] = {}
    with ExitStack() as stack:
        ways = {}
        for name, arguments in WAYS.items():
            ways[name] = stack.enter_context(started(arguments, directory, max(load.requests for load in loads)))
            print(f"{name}: {ways[name].note}", file=sys.stderr, flush=True)
            ways[name].do(WARM_UP)
        for number in range(rounds):
            for load in loads:
                # Each round begins with another way.
                order = [*WAYS][number % len(WAYS) :] + [*WAYS][: number % len(WAYS)]
                for name in order:
                    took = ways[name].do(load)
                    told.setdefault((name, load.requests), []).append(took)
                    print(
                        f"{number} {load.requests:4} {name:18} {took.us_per_token:7.1f} us", file=sys.stderr, flush=True
                    )
    return told


def rows(told: dict[tuple[str, int], list[Took]]) -> Iterator[Row]:
    """The table, load by load."""
    for (name, requests), mine in sorted(told.items(), key=lambda item: (item[0][1], [*WAYS].index(item[0][0]))):
        theirs = told[RIVAL, requests]
        yield Row(
            name,
            requests,
            _spread([took.us_per_token for took in mine], 1),
            _spread([one.us_per_token / other.us_per_token for one, other in zip(mine, theirs, strict=True)], 3),
            round(statistics.median(took.tokens / took.wall_s for took in mine), 1),
        )


def _spread(values: Sequence[float], digits: int) -> tuple[float, float, float]:
    return round(statistics.median(values), digits), round(min(values), digits), round(max(values), digits)


def table_lines(table: Sequence[Row]) -> Iterator[str]:
    """The table as Markdown."""
    yield "| requests | way | us/token: median (least-most) | to the rival: median (least-most) | tokens/s |"
    yield "| --- | --- | --- | --- | --- |"
    for row in table:
        us, ratio = row.us_per_token, row.ratio
        yield (
            f"| {row.requests} | {row.way} | {us[0]:.1f} ({us[1]:.1f}-{us[2]:.1f}) "
            f"| {ratio[0]:.2f} ({ratio[1]:.2f}-{ratio[2]:.2f}) | {row.tokens_per_s:.0f} |"
        )


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; the exit status."""
    parser = usage.parser(f"python -m {PACKAGE}", __doc__)
    parser.add_argument("--requests", type=int, nargs="+", default=[1, 32, 128], metavar="N", help="requests at once")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds of every way (default 3)")
    parser.add_argument("--tokens", type=int, default=128, metavar="N", help="new tokens a request (default 128)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    parser.add_argument(
        "--check",
        action="store_true",
        help=f"status 1 if ours takes more than {TARGET} of the rival at the most requests",
    )
    options = parser.parse_args(argv)
    loads = [Load(requests=count, tokens=options.tokens * (4 if count == 1 else 1)) for count in options.requests]
    with tempfile.TemporaryDirectory(prefix="engine-client-") as place:
        table = list(rows(measure(model.write(Path(place)), loads, options.rounds)))
    last = [json.dumps(figure(table).as_json())]
    print("\n".join([json.dumps(asdict(row)) for row in table] + last if options.json else table_lines(table)))
    return judge(table) if options.check else 0


def figure(table: Sequence[Row]) -> Figure:
    """The ratio at the most requests, as `tooling.benchmarks.every` gathers it."""
    last = max((row for row in table if row.way == "ours"), key=lambda row: row.requests)
    return Figure(f"CPU to {RIVAL}'s, {last.requests} requests", Spread(*last.ratio), at_most=TARGET)


def judge(table: Sequence[Row]) -> int:
    """Print the ratio at the most requests; the exit status."""
    last = max((row for row in table if row.way == "ours"), key=lambda row: row.requests)
    print(f"ours to {RIVAL} at {last.requests} requests: {last.ratio[0]} (target {TARGET})")
    return 1 if last.ratio[0] > TARGET else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
