"""A server under the hardware checks: its settings from the command line, its processes, its own figures."""

import argparse
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import httpx
import trio

from engines import processes
from tests.hardware.conversation import KEY, Failed

PROGRAMS = {True: "tooling.benchmarks.serving.dummy_weights", False: "runtime"}


def grammar(prog: str, description: str) -> argparse.ArgumentParser:
    """The options that say what is served."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--model", required=True)
    parser.add_argument("--dummy", action="store_true", help="random weights")
    parser.add_argument("--tool-model", help="serve mode both with this tool model")
    parser.add_argument("--fp8", action="store_true", help="weights made fp8 while loading")
    parser.add_argument("--tensor-parallel", type=int, default=1)
    parser.add_argument("--pipeline-parallel", type=int, default=1)
    parser.add_argument("--data-parallel", type=int, default=1)
    parser.add_argument("--backend", choices=("mp", "ray"), help="CHAT_DISTRIBUTED_BACKEND")
    parser.add_argument("--gpu-frac", help="CHAT_GPU_FRAC")
    parser.add_argument("--max-out", type=int, default=1000, help="tokens of a reply; fewer where a step takes long")
    return parser


def settings(options: argparse.Namespace, port: int) -> dict[str, str]:
    """The environment of such a server. A hang is told after 12 s, so that the checks need not wait for the default."""
    wanted = {
        "TEXT_API_KEY": KEY,
        "MAX_CONCURRENT_CONNECTIONS": "4",
        "INFERENCE_ENGINE": "vllm",
        "DEPLOY_MODE": "both" if options.tool_model else "chat",
        "CHAT_MODEL": options.model,
        "TOOL_MODEL": options.tool_model,
        "CHAT_QUANTIZATION": "fp8" if options.fp8 else None,
        "CHAT_TENSOR_PARALLEL": str(options.tensor_parallel),
        "CHAT_PIPELINE_PARALLEL": str(options.pipeline_parallel),
        "CHAT_DATA_PARALLEL": str(options.data_parallel),
        "CHAT_DISTRIBUTED_BACKEND": options.backend,
        "CHAT_GPU_FRAC": options.gpu_frac,
        "SERVER_BIND_HOST": "127.0.0.1",
        "SERVER_PORT": str(port),
        "METRICS_ENABLED": "1",
        "CHAT_MAX_OUT": str(options.max_out),
        "WS_MAX_MESSAGES_PER_WINDOW": "0",
        "WS_IDLE_TIMEOUT_S": "0",
        "ENGINE_HANG_TIMEOUT_S": "12",
    }
    return {name: value for name, value in wanted.items() if value is not None}


class Watched:
    """A running server, seen from outside."""

    def __init__(self, port: int, pid: int) -> None:
        self.pid = pid
        self.url = f"ws://127.0.0.1:{port}/ws?api_key={KEY}"
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10)

    async def until_free(self) -> None:
        """Return when neither the engine's own count nor our books know of a request."""
        while await self.metric("engine_unfinished_requests") or await self.metric("unconfirmed_aborts"):
            await trio.sleep(0.001)

    async def until_ready(self, wanted: bool) -> None:
        """Return when readiness is as wanted."""
        while ((await self._http.get("/readyz")).status_code == httpx.codes.OK) is not wanted:
            await trio.sleep(0.02)

    async def metric(self, name: str) -> float:
        """A figure of `/metrics`; 1 if the engine did not say, since then it is not known to be free."""
        for line in (await self._http.get("/metrics")).text.splitlines():
            if line.startswith(f"text_inference_{name} "):
                return float(line.split()[1])
        return 1.0

    def family(self) -> list[processes.Process]:
        """Everything the server started, but for the trackers that tidy up after it."""
        return [one for one in processes.descendants(self.pid) if "resource_tracker" not in title(one.pid)]

    def find(self, name: str) -> int | None:
        """The newest process whose title holds `name`: the server's descendants, or with Ray the node's."""
        ours = [one.pid for one in self.family() if name in title(one.pid)]
        return max(ours or [pid for pid in rays_workers() if name in title(pid)], default=None)

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a signal to the newest process of this name; its pid."""
        pid = self.find(name)
        if pid is None:
            raise Failed(f"no process called {name}")
        os.kill(pid, number)
        return pid


def title(pid: int) -> str:
    """The command line of a process, or nothing if it is gone."""
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def rays_workers() -> list[int]:
    """The engine's workers that this machine's Ray node keeps: its children, not the server's."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    nodes = {pid for pid in pids if "raylet/raylet" in title(pid)}
    return [pid for node in nodes for pid in (one.pid for one in processes.descendants(node)) if "Worker" in title(pid)]


def child_environment(environ: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """What a server of the checks inherits."""
    return {**environ, "HF_HUB_OFFLINE": "1", **more}


__all__ = ["PROGRAMS", "Watched", "child_environment", "grammar", "rays_workers", "settings", "title"]
