"""The conversations over `vllm serve`'s chat completions, streamed as server-sent events."""

import itertools
import json
import time
from typing import Any

import httpx
import trio

from tooling.benchmarks.serving.over_websocket import cpu_seconds
from tooling.benchmarks.serving.workload import SYSTEM, TURNS, Job, Outcome, Turn

TIMEOUT_S = 300.0


async def converse(job: Job, url: str, pid: int, contender: str) -> Outcome:
    """Hold every conversation of the job; `pid` is the API server's process."""
    turns: list[Turn] = []
    failed: list[str] = []
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    before, started = cpu_seconds(pid), time.perf_counter()

    async def session(number: int, client: httpx.AsyncClient) -> None:
        await trio.sleep(job.spread_s * number / max(1, job.sessions))
        said: list[dict[str, str]] = [{"role": "system", "content": SYSTEM}]
        for utterance in TURNS:
            said.append({"role": "user", "content": utterance})
            try:
                turn, reply = await _turn(client, url, job, said)
            except httpx.HTTPError as error:
                failed.append(repr(error))
                return
            said.append({"role": "assistant", "content": reply or "..."})
            turns.append(turn)

    async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits) as client, trio.open_nursery() as nursery:
        for number in range(job.sessions):
            nursery.start_soon(session, number, client)
    return Outcome(
        contender=contender,
        sessions=job.sessions,
        turns=tuple(turns),
        wall_s=time.perf_counter() - started,
        cpu_s=cpu_seconds(pid) - before,
        errors=len(failed),
    )


async def _turn(client: httpx.AsyncClient, url: str, job: Job, said: list[dict[str, str]]) -> tuple[Turn, str]:
    body: dict[str, Any] = {
        "model": job.model,
        "messages": said,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.8,
        "top_p": 0.95,
        "top_k": 30,
        "max_tokens": job.max_out,
    }
    sent = time.perf_counter()
    times: list[float] = []
    reply, tokens, prompt = "", 0, 0
    cached: int | None = None
    async with client.stream("POST", f"{url}/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: ") or line == "data: [DONE]":
                continue
            event = json.loads(line[6:])
            for choice in event.get("choices", ()):
                if text := choice["delta"].get("content"):
                    times.append(time.perf_counter())
                    reply += text
            if usage := event.get("usage"):
                tokens, prompt = usage["completion_tokens"], usage["prompt_tokens"]
                cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    gaps = tuple((later - earlier) * 1000 for earlier, later in itertools.pairwise(times))
    first = (times[0] if times else time.perf_counter()) - sent
    return Turn(ttft_ms=first * 1000, gaps_ms=gaps, tokens=tokens, cached_tokens=cached, prompt_tokens=prompt), reply


__all__ = ["converse"]
