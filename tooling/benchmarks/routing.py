"""Measure the tool router: questions that come at once, batched and not, against one after the other, in one run.

Environment: YAP_HOME, where the demo model is kept, or made if no model is named.
"""

import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import trio
from attrs import asdict, define, evolve, field, frozen

from actors.router import Asker, RouterActor
from engines.classifier import Batching, Classifier, ClassifierConfig, ClassifierEngine, ClassifierInfo, warm_up
from engines.errors import EngineStartFailed
from tooling import usage
from tooling.clients.output.percentiles import summarise
from tooling.demo import tool as demo

TIMEOUT_S = 600.0
UTTERANCES = (
    "look at this",
    "what does it say in the corner of my screen?",
    "I had pasta for lunch and it was fine",
    "tell me something about the sea, I have never been there in winter",
    "is this a good price for a second-hand bike with new tyres and a lamp that works?",
    "no, the other one",
)


@frozen
class Row:
    """One way of asking. Latencies in milliseconds, from the question to its answer, over all rounds."""

    name: str
    per_second: float
    p50_ms: float
    p99_ms: float
    batches: dict[int, int]


@frozen
class Result:
    """The rows of one run and what is read off them.

    `throughput_ratio`: batched against one after the other. `p99_ratio`: batched against unbatched, both at once;
    below 1 is quicker.
    """

    model: str
    facts: dict[str, str | int | float | bool | None]
    requests: int
    rounds: int
    rows: tuple[Row, ...]
    throughput_ratio: float
    p99_ratio: float


@define
class Way:
    """A way of asking and what it took so far: a router of its own, and how its questions are put."""

    name: str
    batching: Batching
    ask: Callable[[Asker, Sequence[str], list[float]], Awaitable[None]]
    router: RouterActor = field(factory=lambda: RouterActor(hang_timeout_s=TIMEOUT_S))
    seconds: float = 0.0
    latencies: list[float] = field(factory=list)

    async def round(self, classifier: Classifier, texts: Sequence[str]) -> None:
        """Ask everything once more."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.router.run)
            await nursery.start(self.router.serve, classifier, self.batching)
            begun = time.perf_counter()
            await self.ask(Asker(self.router.mailbox), texts, self.latencies)
            self.seconds += time.perf_counter() - begun
            nursery.cancel_scope.cancel("the round is over")

    def row(self) -> Row:
        """Its line of the table."""
        told = summarise(self.latencies)
        stats = self.router.stats()
        assert told is not None, "no round was asked"
        assert not stats.errors, f"questions went wrong: {stats.errors}"
        return Row(
            self.name,
            round(told.n / self.seconds, 1),
            round(told.p50 * 1000, 2),
            round(told.p99 * 1000, 2),
            stats.batch_sizes,
        )


async def _decide(router: Asker, text: str, latencies: list[float]) -> None:
    begun = time.perf_counter()
    await router.decide(text, TIMEOUT_S)
    latencies.append(time.perf_counter() - begun)


async def _in_turn(router: Asker, texts: Sequence[str], latencies: list[float]) -> None:
    for text in texts:
        await _decide(router, text, latencies)


async def _at_once(router: Asker, texts: Sequence[str], latencies: list[float]) -> None:
    async with trio.open_nursery() as nursery:
        for text in texts:
            nursery.start_soon(_decide, router, text, latencies)


def questions(count: int) -> list[str]:
    """What sessions ask: an utterance, in two of five cases after a few earlier ones."""
    return [
        "\n".join(UTTERANCES[(number + back) % len(UTTERANCES)] for back in range(1 + number % 2 * (number % 5)))
        for number in range(count)
    ]


async def measure(config: ClassifierConfig, requests: int, rounds: int) -> Result:
    """Open the model and ask in every way, the ways taking turns so that the machine's moods hit all alike."""
    classifier = ClassifierEngine(config)
    try:
        info = await classifier.open(_say)
        for warning in info.warnings:
            _say(warning)
        await warm_up(classifier, info)
        ways = await _asked(classifier, info, questions(requests), rounds)
    finally:
        await classifier.close()
    in_turn, unbatched, batched = rows = tuple(way.row() for way in ways)
    return Result(
        model=config.model,
        facts=info.facts,
        requests=requests,
        rounds=rounds,
        rows=rows,
        throughput_ratio=round(batched.per_second / in_turn.per_second, 2),
        p99_ratio=round(batched.p99_ms / unbatched.p99_ms, 2),
    )


async def _asked(classifier: Classifier, info: ClassifierInfo, texts: Sequence[str], rounds: int) -> list[Way]:
    alone = Batching(1, 0.0)
    ways = [
        Way("one after the other", alone, _in_turn),
        Way("at once, unbatched", alone, _at_once),
        Way("at once, batched", info.batching, _at_once),
    ]
    for _ in range(rounds):
        for way in ways:
            await way.round(classifier, texts)
    return ways


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _table(result: Result) -> str:
    lines = [f"{'':20} {'decisions/s':>12} {'p50 ms':>9} {'p99 ms':>9}  inferences by size"]
    lines += [
        f"{row.name:20} {row.per_second:12} {row.p50_ms:9} {row.p99_ms:9}  "
        + ", ".join(f"{times} of {size}" for size, times in row.batches.items())
        for row in result.rows
    ]
    lines.append(
        f"batched: {result.throughput_ratio} x the decisions of one after the other, "
        f"{result.p99_ratio} x the p99 of unbatched"
    )
    return "\n".join(lines)


def main(argv: Sequence[str], home: Path) -> int:
    """Run the benchmark; the exit status: 1 if the model does not load. `home`: where demo models are kept."""
    parser = usage.parser("python -m tooling.benchmarks.routing", __doc__)
    parser.add_argument("model", nargs="?", help="sequence-classification model, hub id or directory (default: demo)")
    parser.add_argument("--requests", type=int, default=64, metavar="N", help="questions a round (default 64)")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="rounds of each way (default 10)")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads of an inference (default: every core)")
    parser.add_argument("--device", help="torch device (default: the first GPU, else the CPU)")
    parser.add_argument("--compile", action="store_true", help="as TOOL_COMPILE=1")
    parser.add_argument("--against-eager", action="store_true", help="on a GPU: first the same without CUDA graphs")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    args = parser.parse_args(argv)
    model = args.model or str(demo.ensure(home.expanduser(), _say))
    config = ClassifierConfig(model=model, threads=args.threads, device=args.device, compile=args.compile)
    results = []
    try:
        for each in [evolve(config, graphs=False), config] if args.against_eager else [config]:
            results.append(trio.run(measure, each, args.requests, args.rounds))
            print(json.dumps(asdict(results[-1])) if args.json else _table(results[-1]))
    except EngineStartFailed as error:
        print(error, file=sys.stderr)
        return 1
    if args.against_eager and not args.json:
        print(_against(*results))
    return 0


def _against(before: Result, after: Result) -> str:
    alone, batched = (after.rows[place].per_second / before.rows[place].per_second for place in (0, 2))
    return f"with {after.facts['cuda_graphs']} CUDA graphs: {alone:.2f} x one by one, {batched:.2f} x batched"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(os.environ.get("YAP_HOME") or "~/.cache/yap")))  # noqa: TID251 - an entry module
