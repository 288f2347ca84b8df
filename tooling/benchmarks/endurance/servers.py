"""The server that is looked at for hours: as users start it, on real vLLM or with the scripted engine."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tooling.benchmarks.children import answers, child
from tooling.benchmarks.scripted.server import KEY, MODULE
from tooling.benchmarks.scripted.server import settings as scripted_settings
from tooling.benchmarks.serving.processes import free_port

SPARE = 16
STEP_MS, TOKENS = 20, 60
"""Of the scripted engine."""


def vllm_settings(model: Path, port: int, connections: int) -> dict[str, str]:
    """The environment of a server on real vLLM on the CPU: default limits of history, no limits of rates.

    A KV cache takes its memory when a block is first written, and oneDNN's cache of what it compiled when a step first
    has so many tokens: small ones are full within the warm-up, and hide nothing that grows afterwards.
    """
    return {
        "TEXT_API_KEY": KEY,
        "MAX_CONCURRENT_CONNECTIONS": str(connections),
        "INFERENCE_ENGINE": "vllm",
        "DEPLOY_MODE": "chat",
        "CHAT_MODEL": str(model),
        "CHAT_MAX_NUM_SEQS": "16",
        "CHAT_KV_CACHE_BYTES": str(64 << 20),
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
        "ENFORCE_EAGER": "1",
        "SERVER_BIND_HOST": "127.0.0.1",
        "SERVER_PORT": str(port),
        "METRICS_ENABLED": "1",
        "WS_MAX_MESSAGES_PER_WINDOW": "0",
        "WS_MAX_CANCELS_PER_WINDOW": "0",
        "HF_HUB_OFFLINE": "1",
    }


@contextmanager
def serving(engine: str, model: Path, environ: Mapping[str, str], callers: int) -> Iterator[tuple[int, int]]:
    """Port and pid of a ready server. `engine`: vllm or scripted."""
    port, connections = free_port(), callers + SPARE
    if engine == "vllm":
        argv, settings = ["-m", "runtime"], vllm_settings(model, port, connections)
    else:
        argv = ["-m", MODULE, str(STEP_MS), str(TOKENS)]
        settings = scripted_settings(model, port, connections) | {"METRICS_ENABLED": "1"}
    with child(argv, {**environ, **settings}, lambda: answers(port, "/readyz"), every_s=0.2) as process:
        yield port, process.pid


__all__ = ["KEY", "serving"]
