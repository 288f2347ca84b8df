"""`python -m tooling.benchmarks.stack`: the whole server on the CPU with real vLLM, beside vLLM's own OpenAI server.

A tiny model with random weights, so that what is measured is what stands before it. Both servers run the same build and
model, are up at once and hold the same conversations with the same arrivals by turns, ours over its WebSocket, theirs
over server-sent events; only one works at a time. The load generator is this process.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import trio
from tqdm import tqdm

from engines.vllm import apply_library_env
from tooling.benchmarks import figures
from tooling.benchmarks.serving import comparing, contenders, shape, sse, websocket
from tooling.benchmarks.serving.processes import free_port, running
from tooling.benchmarks.serving.workload import Job, row

ENGINE = ("--dummy", "--eager", "--kv-cache-bytes", str(256 << 20), "--max-len", "3072", "--max-out", "64")
SPREAD_S = 1.0
"""Over which the conversations begin: a loaded front end, as neither waits for arrivals."""


def measure(
    model: Path, counts: Sequence[int], rounds: int, environ: MutableMapping[str, str]
) -> Iterator[dict[str, Any]]:
    """A row for each contender, load and round."""
    most = max(counts)
    engine = contenders.grammar("", "").parse_args(["--model", str(model), "--max-num-seqs", str(most), *ENGINE])
    apply_library_env(environ, gpu=False, error_log=model / "engine-errors.log")
    jobs = [
        Job(model=str(model), sessions=count, max_out=engine.max_out, max_len=engine.max_len, spread_s=SPREAD_S)
        for count in counts
    ]
    with ExitStack() as stack:
        our_port, their_port = free_port(), free_port()
        settings = {**environ, **contenders.our_settings(engine, our_port, most + 8)}
        ready = f"http://127.0.0.1:{our_port}/readyz"
        ours = stack.enter_context(running(contenders.our_program(engine), settings, ready))
        ready = f"http://127.0.0.1:{their_port}/health"
        theirs = stack.enter_context(running(contenders.vllm_server(engine, their_port), environ, ready))

        def hold(job: Job, contender: str) -> dict[str, Any]:
            if contender == comparing.OURS:
                return row(trio.run(websocket.converse, job, our_port, contenders.KEY, ours, contender))
            return row(trio.run(sse.converse, job, their_port, theirs, contender))

        order = [comparing.OURS, comparing.SERVE]
        for contender in order * 2:
            hold(jobs[-1], contender)  # the first loads warm up
        for number in tqdm(range(rounds), disable=None):
            for job in jobs:
                for contender in order if number % 2 == 0 else order[::-1]:
                    yield hold(job, contender)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the benchmark; the exit status: 1 as well if a conversation failed."""
    options = _grammar().parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="stack-") as scratch:
        shape.write("tiny", Path(scratch))
        rows = list(measure(Path(scratch), options.sessions, options.rounds, dict(environ)))
    told = comparing.Told(rows)
    status = figures.told(options, list(told.table()), list(comparing.cpu_figures(told)), print)
    return 1 if comparing.errors(rows) else status


def _grammar() -> argparse.ArgumentParser:
    parser = figures.arguments("stack", __doc__, rounds=5)
    parser.add_argument("--sessions", type=int, nargs="+", default=[32], metavar="N", help="at once (default 32)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
