"""`python -m tooling.benchmarks.serving`: TTFT, ITL, throughput and front-end CPU, ours beside its rivals, one run."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import trio
from attrs import asdict

from tooling.benchmarks.serving import over_sse, over_websocket
from tooling.benchmarks.serving.processes import free_port, running
from tooling.benchmarks.serving.workload import Job, Outcome, from_json, row

KEY = "benchmark-key"
CONTENDERS = ("ours", "asyncllm", "vllm-serve")
COLUMNS = ("ttft_p50_ms", "ttft_p99_ms", "itl_p50_ms", "itl_p99_ms", "tokens_per_s", "front_cpu_us_per_token")


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
    parser = argparse.ArgumentParser(prog="python -m tooling.benchmarks.serving", description=main.__doc__)
    parser.add_argument("--model", required=True, help="directory or hub id, used by every contender")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8], help="conversations at once")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--max-out", type=int, default=128, help="tokens of a reply at most")
    parser.add_argument("--max-len", type=int, default=5025, help="context")
    parser.add_argument("--max-num-seqs", type=int, default=160, help="requests decoded at once")
    parser.add_argument("--barge-in", type=float, default=0.0, help="share of interrupted turns (ours, an extra load)")
    parser.add_argument("--dummy", action="store_true", help="random weights: only a config and a tokenizer are there")
    parser.add_argument("--kv-cache-bytes", type=int, help="KV cache size (needed on a CPU)")
    parser.add_argument("--eager", action="store_true", help="no compilation and no CUDA graphs, for all")
    parser.add_argument("--quantization", help="vLLM's name of an online quantisation, for all")
    parser.add_argument("--json", action="store_true", help="rows as JSON on stdout")
    return parser


def _outcomes(
    contender: str, jobs: Sequence[Job], options: argparse.Namespace, environ: Mapping[str, str]
) -> Iterator[Outcome]:
    if contender == "asyncllm":
        yield from _bare(jobs, options, environ)
        return
    port = free_port()
    if contender == "ours":
        module = "tooling.benchmarks.serving.dummy_weights" if options.dummy else "runtime"
        argv, child = ["-m", module], {**environ, **_our_settings(options, port)}
    else:
        argv, child = _vllm_serve(options, port), dict(environ)
    ready = f"http://127.0.0.1:{port}/{'readyz' if contender == 'ours' else 'health'}"
    with running(argv, child, ready) as pid:
        url = f"127.0.0.1:{port}"
        warm = Job(model=options.model, sessions=max(options.concurrency), max_out=options.max_out)
        for job in (warm, *jobs, *_with_barge_in(jobs, options, contender)):
            if contender == "ours":
                name = f"ours, {job.barge_in:.0%} barge-ins" if job.barge_in else "ours"
                outcome = trio.run(over_websocket.converse, job, f"ws://{url}/ws", KEY, pid, name)
            else:
                outcome = trio.run(over_sse.converse, job, f"http://{url}", pid, "vllm serve, SSE")
            if job is not warm:
                yield outcome


def _with_barge_in(jobs: Sequence[Job], options: argparse.Namespace, contender: str) -> list[Job]:
    if contender != "ours" or not options.barge_in:
        return []
    return [Job(**{**asdict(job), "barge_in": options.barge_in}) for job in jobs]


def _our_settings(options: argparse.Namespace, port: int) -> dict[str, str]:
    no_bias = Path(tempfile.gettempdir()) / "no-bias.json"
    no_bias.write_text("{}", encoding="utf-8")  # the rivals have no logit bias either
    settings = {
        "TEXT_API_KEY": KEY,
        "MAX_CONCURRENT_CONNECTIONS": str(max(options.concurrency) + 8),
        "INFERENCE_ENGINE": "vllm",
        "DEPLOY_MODE": "chat",
        "CHAT_MODEL": options.model,
        "SERVER_PORT": str(port),
        "SERVER_BIND_HOST": "127.0.0.1",
        "CHAT_MAX_OUT": str(options.max_out),
        "CHAT_MAX_LEN": str(options.max_len),
        "CHAT_MAX_NUM_SEQS": str(options.max_num_seqs),
        "CHAT_LOGIT_BIAS_FILE": str(no_bias),
        "ENFORCE_EAGER": "1" if options.eager else "0",
        "WS_MAX_MESSAGES_PER_WINDOW": "0",
    }
    if options.kv_cache_bytes:
        settings["CHAT_KV_CACHE_BYTES"] = str(options.kv_cache_bytes)
    if options.quantization:
        settings["CHAT_QUANTIZATION"] = "fp8"
    return settings


def _engine_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments that the rivals get: the same limits that our settings resolve to."""
    return {
        "model": options.model,
        "max_model_len": options.max_len,
        "max_num_seqs": options.max_num_seqs,
        "max_num_batched_tokens": 2048,
        "enable_prefix_caching": True,
        "enforce_eager": options.eager,
        **({"load_format": "dummy"} if options.dummy else {}),
        **({"kv_cache_memory_bytes": options.kv_cache_bytes} if options.kv_cache_bytes else {}),
        **({"quantization": options.quantization} if options.quantization else {}),
    }


def _bare(jobs: Sequence[Job], options: argparse.Namespace, environ: Mapping[str, str]) -> Iterator[Outcome]:
    arguments = {**_engine_arguments(options), "disable_log_stats": True}
    work = json.dumps({"jobs": [asdict(job) for job in jobs], "arguments": arguments})
    argv = [sys.executable, "-m", "tooling.benchmarks.serving.bare_engine", work]
    quiet = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_WORKER_MULTIPROC_METHOD": "spawn", **environ}
    done = subprocess.run(argv, env=quiet, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the bare engine failed:\n{done.stderr[-4000:]}")
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            yield from_json(json.loads(line))


def _vllm_serve(options: argparse.Namespace, port: int) -> list[str]:
    argv = ["-m", "vllm.entrypoints.cli.main", "serve", options.model, "--host", "127.0.0.1", "--port", str(port)]
    for name, value in _engine_arguments(options).items():
        if value is True:
            argv.append(f"--{name.replace('_', '-')}")
        elif value is not False and name != "model":
            argv += [f"--{name.replace('_', '-')}", str(value)]
    return argv


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
