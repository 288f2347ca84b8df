"""Whole servers with one engine each, for tests that assert nothing of what a model says."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import trio
from attrs import evolve, frozen

from tests.e2e.plain import fetch
from tests.e2e.program import Program
from tests.e2e.weights import write_talker
from tests.engines.trt.library import STANDIN
from tests.runtime.serving import serving, talks
from tests.toy import write_toy_model

AT_ONCE = 4
START_S = 300.0


@frozen
class House:
    """A running server. `tokens`: the length of every reply that nobody stops; `caches`: prompts are reused."""

    port: int
    tokens: int
    caches: bool
    empty: Callable[[], Awaitable[None]]


Visit = Callable[[], AbstractAsyncContextManager[House]]


@asynccontextmanager
async def scripted() -> AsyncIterator[House]:
    """In the test's own loop."""
    script = evolve(talks(60, 0.01), max_running=AT_ONCE)
    async with serving(script, CHAT_MAX_OUT="60") as place:
        yield House(place.port, 60, False, lambda: place.until_idle_engine(30))


def standing_in(directory: Path) -> dict[str, str]:
    """The environment of a server with TensorRT-LLM's stand-in, whose replies are as long as they may be."""
    write_toy_model(directory)
    (directory / "standin.json").write_text(json.dumps({"step_s": 0.01}))
    return {
        "DEPLOY_MODE": "chat",
        "INFERENCE_ENGINE": "trt",
        "CHAT_MODEL": str(directory),
        "PYTHONPATH": str(STANDIN),
        "CHAT_MAX_OUT": "60",
        "TRT_BATCH_SIZE": str(AT_ONCE),
        "METRICS_ENABLED": "1",
    }


def real(directory: Path) -> dict[str, str]:
    """The environment of a server with vLLM on the CPU, whose greedy replies are as long as they may be."""
    write_talker(directory)
    return {
        "DEPLOY_MODE": "chat",
        "INFERENCE_ENGINE": "vllm",
        "CHAT_MODEL": str(directory),
        "CHAT_MAX_LEN": "8192",
        "CHAT_MAX_OUT": "400",
        "CHAT_MAX_NUM_SEQS": str(AT_ONCE),
        "CHAT_KV_CACHE_BYTES": str(64 << 20),
        "ENFORCE_EAGER": "1",
        "METRICS_ENABLED": "1",
    }


@asynccontextmanager
async def visited(program: Program, tokens: int) -> AsyncIterator[House]:
    """A server that is a process of its own."""
    yield House(program.port, tokens, True, lambda: until_empty(program.port))


async def until_empty(port: int, within_s: float = 30.0) -> None:
    """Return when no turn runs, every abort is confirmed, and the engine, if it can say, has no request."""
    names = ("active_generations", "unconfirmed_aborts", "engine_unfinished_requests")
    with trio.fail_after(within_s):
        while True:
            lines = (await fetch(port, "/metrics")).body.decode().splitlines()
            values = [line.split()[1] for line in lines if line.split()[0].removeprefix("text_inference_") in names]
            assert len(values) >= 2
            if not any(map(float, values)):
                return
            await trio.sleep(0.05)


__all__ = ["AT_ONCE", "START_S", "House", "Visit", "real", "scripted", "standing_in", "visited"]
