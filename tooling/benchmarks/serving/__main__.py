"""`python -m tooling.benchmarks.serving`: TTFT, ITL, throughput and front-end CPU, ours beside its rivals, one run.

Each contender is started once and measured `--rounds` times; with `--both-orders` all are then started and measured
again in the opposite order. The load generator is this process (for the bare engine: its own process, which is why that
one's front CPU is without a server and with the client), and what it took is told. A run that would take too long in
one piece is made of several with `--json`, and `--table` puts their rows together.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import trio
from attrs import asdict

from tooling.benchmarks import figures
from tooling.benchmarks.serving import comparing, contenders, sse, websocket
from tooling.benchmarks.serving.processes import free_port, running
from tooling.benchmarks.serving.workload import Job, Outcome, from_json, row

NAMES = {
    "ours": comparing.OURS,
    "ours-both": comparing.BOTH,
    "ours-yielding": comparing.YIELDING,
    "asyncllm": comparing.BARE,
    "vllm-serve": comparing.SERVE,
    "vllm-rust": comparing.RUST,
}
USUAL = ("ours", "asyncllm", "vllm-serve")
OURS = ("ours", "ours-both", "ours-yielding")


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run every contender on every load, print a table and ratios, or JSON; 1 if a conversation failed."""
    options = _grammar().parse_args(argv)
    if options.table:
        lines = [line for file in options.table for line in file.read_text(encoding="utf-8").splitlines()]
        rows = [json.loads(line) for line in lines if line.startswith('{"contender"')]
    else:
        rows = list(_measured(options, environ))
    told = comparing.Told(rows)
    shown = rows if options.json else list(told.table())
    ratios = [*comparing.gpu_figures(told), *comparing.waiting_figures(told)]
    status = figures.told(options, shown, ratios, print)
    return 1 if comparing.errors(rows) else status


def _grammar() -> argparse.ArgumentParser:
    parser = contenders.grammar("python -m tooling.benchmarks.serving", __doc__ or "")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8], help="conversations at once")
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=list(NAMES),
        metavar="NAME",
        default=list(USUAL),
        help=f"some of {', '.join(NAMES)}; vllm-rust is `vllm serve` with its Rust front end "
        "(VLLM_USE_RUST_FRONTEND=1), ours-both wants --tool-model, ours-yielding is ours without the plugin by which "
        "vLLM's processes wait asleep on a CPU",
    )
    parser.add_argument("--barge-in", type=float, default=0.0, help="share of interrupted turns (ours, an extra load)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each load is measured a start (default 1)")
    parser.add_argument("--both-orders", action="store_true", help="then everything again, the last contender first")
    parser.add_argument("--check", action="store_true", help="status 1 if a figure is missed")
    parser.add_argument("--table", type=Path, nargs="+", metavar="FILE", help="measure nothing: rows of earlier --json")
    return parser


def _measured(options: argparse.Namespace, environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    jobs = [
        Job(model=options.model, sessions=count, max_out=options.max_out, max_len=options.max_len)
        for count in options.concurrency
    ]
    orders = [options.contenders, options.contenders[::-1]] if options.both_orders else [options.contenders]
    for contender in (name for order in orders for name in order):
        for outcome in _outcomes(contender, jobs * options.rounds, options, environ):
            told = row(outcome)
            print("  ".join(f"{name} {value}" for name, value in told.items()), file=sys.stderr, flush=True)
            yield told


def _outcomes(
    contender: str, jobs: Sequence[Job], options: argparse.Namespace, environ: Mapping[str, str]
) -> Iterator[Outcome]:
    if contender == "asyncllm":
        yield from _bare(jobs, options, environ)
        return
    port, name = free_port(), NAMES[contender]
    if contender in OURS:
        served = argparse.Namespace(**{**vars(options), **({} if contender == "ours-both" else {"tool_model": None})})
        argv = contenders.our_program(options)
        child = {**environ, **contenders.our_settings(served, port, max(options.concurrency) + 8)}
        child |= {contenders.PLUGINS: "none"} if contender == "ours-yielding" else {}
    else:
        argv = contenders.vllm_serve(options, port)
        child = {**environ, **({contenders.RUST_SWITCH: "1"} if contender == "vllm-rust" else {})}
    ready = f"http://127.0.0.1:{port}/{'readyz' if contender in OURS else 'health'}"
    with running(argv, child, ready) as pid:
        warm = Job(model=options.model, sessions=max(options.concurrency), max_out=options.max_out)
        for job in (warm, *jobs, *_with_barge_in(jobs, options, contender)):
            if contender in OURS:
                called = f"{name}, {job.barge_in:.0%} barge-ins" if job.barge_in else name
                outcome = trio.run(websocket.converse, job, port, contenders.KEY, pid, called)
            else:
                outcome = trio.run(sse.converse, job, port, pid, name)
            if job is not warm:
                yield outcome


def _with_barge_in(jobs: Sequence[Job], options: argparse.Namespace, contender: str) -> list[Job]:
    if contender not in OURS or not options.barge_in:
        return []
    return [Job(**{**asdict(job), "barge_in": options.barge_in}) for job in jobs]


def _bare(jobs: Sequence[Job], options: argparse.Namespace, environ: Mapping[str, str]) -> Iterator[Outcome]:
    arguments = {**contenders.engine_arguments(options), "disable_log_stats": True}
    work = json.dumps({"jobs": [asdict(job) for job in jobs], "arguments": arguments})
    argv = [sys.executable, "-m", "tooling.benchmarks.serving.bare_engine", work]
    quiet = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_WORKER_MULTIPROC_METHOD": "spawn", **environ}
    done = subprocess.run(argv, env=quiet, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the bare engine failed:\n{done.stderr[-4000:]}")
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            yield from_json(json.loads(line))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
