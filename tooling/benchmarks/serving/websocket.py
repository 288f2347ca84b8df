"""The conversations over `/ws`, against a server of ours."""

import itertools
import random
import time

import trio

from tooling.benchmarks.serving.processes import front_cpu_seconds
from tooling.benchmarks.serving.streams import Broken, Socket, websocket
from tooling.benchmarks.serving.workload import SYSTEM, TURNS, Job, Outcome, Turn


async def converse(job: Job, port: int, key: str, pid: int, contender: str) -> Outcome:
    """Hold every conversation of the job; `pid` is the server's main process, whose CPU time is taken."""
    turns: list[Turn] = []
    failed: list[str] = []
    before, own, started = front_cpu_seconds(pid), time.process_time(), time.perf_counter()

    async def session(number: int) -> None:
        await trio.sleep(job.spread_s * number / max(1, job.sessions))
        try:
            for _ in range(job.rounds):
                async with websocket(port, key) as socket:
                    await _session(job, socket, number, turns, failed)
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


async def _session(job: Job, socket: Socket, number: int, turns: list[Turn], failed: list[str]) -> None:
    chance = random.Random(number)  # noqa: S311 - which turns are interrupted
    ids = {"session_id": f"bench-{number}"}
    interrupted = False
    for index, text in enumerate(TURNS):
        payload: dict[str, object] = {"user_utterance": text}
        if index == 0:
            payload |= {"chat_prompt": SYSTEM, "sampling": {"sanitize_output": False}}
        frame = {"type": "message" if index else "start", **ids, "request_id": f"{number}-{index}", "payload": payload}
        sent = time.perf_counter()
        await socket.send(frame)
        stops_at = job.barge_after if chance.random() < job.barge_in and index + 1 < len(TURNS) else None
        turn = await _turn(socket, f"{number}-{index}", sent, stops_at)
        if turn is None:
            failed.append("error frame")
            return
        interrupted = stops_at is not None
        turns.append(turn)
    if not interrupted:
        await socket.send({"type": "end", **ids, "request_id": "end", "payload": {}})


async def _turn(socket: Socket, request_id: str, sent: float, stops_at: int | None) -> Turn | None:
    """One turn to its end, or until the caller talks into it; frames of older turns are passed over."""
    times: list[float] = []
    while True:
        frame = await socket.receive()
        now = time.perf_counter()
        if frame["request_id"] != request_id:
            continue
        if frame["type"] == "token":
            times.append(now)
            if stops_at is not None and len(times) >= stops_at:
                return _measured(sent, times, len(times), None, 0)
        elif frame["type"] == "done":
            usage = frame["payload"]["usage"]
            return _measured(sent, times, usage["completion_tokens"], usage["cached_tokens"], usage["prompt_tokens"])
        elif frame["type"] in ("error", "cancelled"):
            return None


def _measured(sent: float, times: list[float], tokens: int, cached: int | None, prompt: int) -> Turn:
    return Turn(
        ttft_ms=(times[0] - sent) * 1000,
        gaps_ms=tuple((later - earlier) * 1000 for earlier, later in itertools.pairwise(times)),
        tokens=tokens,
        cached_tokens=cached,
        prompt_tokens=prompt,
    )


__all__ = ["converse"]
