"""Engines that break under a whole server: a small engine whose replies take seconds, who is vital to it, what a client
sees of a death."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from engines import processes
from engines.vllm.workers import is_worker
from tests.e2e.client import Client, Frame, connected, ends_turn
from tests.e2e.program import Program

START_S = 300.0
HANG_S = 8.0
REPLY_TOKENS = 6000
GREEDY = {"temperature": 0.0, "repetition_penalty": 1.0, "sanitize_output": False}


def settings(model: Path, **more: str) -> dict[str, str]:
    """A small engine whose replies take seconds."""
    return {
        "DEPLOY_MODE": "chat",
        "INFERENCE_ENGINE": "vllm",
        "CHAT_MODEL": str(model),
        "CHAT_MAX_LEN": "8192",
        "CHAT_MAX_OUT": str(REPLY_TOKENS),
        "WS_OUTBOX_MAX_BYTES": str(1 << 20),
        "CHAT_KV_CACHE_BYTES": str(64 << 20),
        "CHAT_MAX_NUM_SEQS": "8",
        "ENFORCE_EAGER": "1",
        "ENGINE_STALL_TIMEOUT_S": "3",
        "ENGINE_HANG_TIMEOUT_S": str(HANG_S),
        "GEN_TIMEOUT_S": "170",
        "METRICS_ENABLED": "1",
        **more,
    }


def vital(server: Program) -> tuple[processes.Process, processes.Process]:
    """The engine's core and its worker."""
    core, worker = sorted(filter(is_worker, server.family()), key=lambda process: process.ticks)
    return core, worker


async def readiness(server: Program, wanted: int, within_s: float) -> float:
    """Seconds until `/readyz` answers with this status."""
    began = time.monotonic()
    with trio.fail_after(within_s):
        while await trio.to_thread.run_sync(server.readiness) != wanted:
            await trio.sleep(0.05)
    return time.monotonic() - began


@asynccontextmanager
async def talking(server: Program, name: str) -> AsyncIterator[Client]:
    """A client whose first reply is being spoken; waits for the engine that the test before has ended."""
    await readiness(server, 200, START_S)
    async with connected(server.port, session_id=name) as client:
        await client.start("r-1", "tell me a story", sampling=GREEDY)
        await client.until("token")
        yield client


async def ends(client: Client) -> Frame:
    """The turn's one end; everything until then is its text, and nothing of it comes after."""
    frames = await client.rest()
    assert [frame["type"] for frame in frames[:-1] if frame["type"] != "token"] in ([], ["final"])
    await client.answers_pings()
    assert len([frame for frame in client.seen if ends_turn(frame) and frame["request_id"] == "r-1"]) == 1
    return frames[-1]


async def failed(client: Client) -> None:
    """The running turn ended with `engine_error`, once."""
    end = await ends(client)
    assert end["type"] == "error", end
    assert (end["payload"]["code"], end["payload"]["details"]["reason_code"]) == ("internal_error", "engine_error")


async def goes_on(client: Client) -> None:
    """The session's next turn is spoken."""
    await client.message("r-2", "go on")
    await client.until("token")
    await client.say("cancel", "c-2")
    await client.until("cancelled")


def report(what: str, **seconds: float) -> None:
    """For the table of the operations page."""
    print(what, *(f"{name}={value:.2f}s" for name, value in seconds.items()))


__all__ = [
    "GREEDY",
    "HANG_S",
    "START_S",
    "ends",
    "failed",
    "goes_on",
    "readiness",
    "report",
    "settings",
    "talking",
    "vital",
]
