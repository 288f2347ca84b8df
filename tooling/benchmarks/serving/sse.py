"""The conversations over `vllm serve`'s chat completions, streamed as server-sent events."""

import itertools
import time
from typing import Any

import trio

from tooling.benchmarks.serving.processes import front_cpu_seconds
from tooling.benchmarks.serving.streams import Broken, Stream, connected, events
from tooling.benchmarks.serving.workload import SYSTEM, TURNS, Job, Outcome, Turn

PATH = "/v1/chat/completions"


async def converse(job: Job, port: int, pid: int, contender: str) -> Outcome:
    """Hold every conversation of the job; `pid` is the API server's process."""
    turns: list[Turn] = []
    failed: list[str] = []
    before, own, started = front_cpu_seconds(pid), time.process_time(), time.perf_counter()

    async def session(number: int) -> None:
        await trio.sleep(job.spread_s * number / max(1, job.sessions))
        said: list[dict[str, str]] = [{"role": "system", "content": SYSTEM}]
        try:
            async with connected(port) as wire:
                for utterance in TURNS:
                    said.append({"role": "user", "content": utterance})
                    turn, reply = await _turn(wire, job, said)
                    said.append({"role": "assistant", "content": reply or "..."})
                    turns.append(turn)
        except Broken as error:
            failed.append(str(error))

    async with trio.open_nursery() as nursery:
        for number in range(job.sessions):
            nursery.start_soon(session, number)
    return Outcome(
        contender=contender,
        sessions=job.sessions,
        turns=tuple(turns),
        wall_s=time.perf_counter() - started,
        cpu_s=front_cpu_seconds(pid) - before,
        client_cpu_s=time.process_time() - own,
        errors=len(failed),
    )


async def _turn(wire: Stream, job: Job, said: list[dict[str, str]]) -> tuple[Turn, str]:
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
    async for event in events(wire, PATH, body):
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
