"""`python -m tooling.benchmarks.serving`: TTFT, ITL, throughput and front-end CPU, ours beside its rivals, one run."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import trio
from attrs import asdict

from tooling.benchmarks.serving import contenders, over_sse, over_websocket
from tooling.benchmarks.serving.processes import free_port, running
from tooling.benchmarks.serving.workload import Job, Outcome, from_json, row

CONTENDERS = ("ours", "asyncllm", "vllm-serve")
COLUMNS = (
    "ttft_p50_ms",
    "ttft_p99_ms",
    "itl_p50_ms",
    "itl_p99_ms",
    "tokens_per_s",
    "front_cpu_us_per_token",
    "prefix_hits",
)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run every contender on every load, print a table with ratios, or JSON."""
    options = _grammar().parse_args(argv)
    jobs = [
        Job(model=options.model, sessions=count, max_out=options.max_out, max_len=options.max_len)
        for count in options.concurrency
    ]
    outcomes: list[Outcome] = []
    for contender in options.contenders:
        for outcome in _outcomes(contender, jobs, options, environ):
            outcomes.append(outcome)
            print(_line(row(outcome)), file=sys.stderr, flush=True)
    rows = [row(outcome) for outcome in outcomes]
    print(json.dumps(rows, indent=1) if options.json else "\n".join(_table(rows)))
    return 1 if any(outcome.errors for outcome in outcomes) else 0


def _grammar() -> argparse.ArgumentParser:
    parser = contenders.grammar("python -m tooling.benchmarks.serving", main.__doc__ or "")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8], help="conversations at once")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--barge-in", type=float, default=0.0, help="share of interrupted turns (ours, an extra load)")
    return parser


def _outcomes(
    contender: str, jobs: Sequence[Job], options: argparse.Namespace, environ: Mapping[str, str]
) -> Iterator[Outcome]:
    if contender == "asyncllm":
        yield from _bare(jobs, options, environ)
        return
    port = free_port()
    if contender == "ours":
        settings = contenders.our_settings(options, port, max(options.concurrency) + 8)
        argv, child = contenders.our_program(options), {**environ, **settings}
    else:
        argv, child = contenders.vllm_serve(options, port), dict(environ)
    ready = f"http://127.0.0.1:{port}/{'readyz' if contender == 'ours' else 'health'}"
    with running(argv, child, ready) as pid:
        url = f"127.0.0.1:{port}"
        warm = Job(model=options.model, sessions=max(options.concurrency), max_out=options.max_out)
        for job in (warm, *jobs, *_with_barge_in(jobs, options, contender)):
            if contender == "ours":
                name = f"ours, {job.barge_in:.0%} barge-ins" if job.barge_in else "ours"
                outcome = trio.run(over_websocket.converse, job, f"ws://{url}/ws", contenders.KEY, pid, name)
            else:
                outcome = trio.run(over_sse.converse, job, f"http://{url}", pid, "vllm serve, SSE")
            if job is not warm:
                yield outcome


def _with_barge_in(jobs: Sequence[Job], options: argparse.Namespace, contender: str) -> list[Job]:
    if contender != "ours" or not options.barge_in:
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


def _line(figures: Mapping[str, object]) -> str:
    return "  ".join(f"{name} {value}" for name, value in figures.items())


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown; the ratio behind each figure is to the bare engine on the same load (1.00: the same)."""
    yield "| sessions | contender | " + " | ".join(COLUMNS) + " |"
    yield "| --- | --- |" + " --- |" * len(COLUMNS)
    for figures in sorted(rows, key=lambda each: each["sessions"]):
        bare = [each for each in rows if "AsyncLLM" in each["contender"] and each["sessions"] == figures["sessions"]]
        cells = []
        for name in COLUMNS:
            value, base = figures[name], bare[0][name] if bare else None
            ratio = f" ({value / base:.2f})" if base and value is not None and figures is not bare[0] else ""
            cells.append("" if value is None else f"{value:g}{ratio}")
        yield f"| {figures['sessions']} | {figures['contender']} | {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - an entry module
