"""`python -m tooling.benchmarks.serving.bare_engine JOBS`: vLLM's `AsyncLLM` in process, no server at all.

Reads a JSON list of jobs and engine arguments, prints one JSON line per job. It is the rival, so it is written the
way its users write it, asyncio included.
"""

import asyncio  # noqa: TID251 - the bare engine is an asyncio program
import itertools
import json
import sys
import time
from typing import Any

from vllm import SamplingParams
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.inputs import tokens_input
from vllm.sampling_params import RequestOutputKind
from vllm.usage.usage_lib import UsageContext
from vllm.v1.engine.async_llm import AsyncLLM

from engines.prompts.chat import ChatText
from engines.prompts.loading import load_chat_text
from engines.prompts.messages import PromptMessage
from tooling.benchmarks.serving.workload import SYSTEM, TURNS, Job, Outcome, Turn, as_json
from tooling.usage import answer_help


async def run(jobs: list[Job], arguments: dict[str, Any]) -> None:
    """Load once, hold every job's conversations, print."""
    engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments), usage_context=UsageContext.OPENAI_API_SERVER)
    text = load_chat_text(jobs[0].model)
    try:
        largest = max(jobs, key=lambda job: job.sessions)
        await _converse(engine, text, largest, "warm-up")  # the first load of a size compiles kernels
        for job in jobs:
            outcome = await _converse(engine, text, job, "AsyncLLM, no server")
            print(json.dumps(as_json(outcome)), flush=True)
    finally:
        engine.shutdown(timeout=5)


async def _converse(engine: Any, text: ChatText, job: Job, name: str) -> Outcome:
    turns: list[Turn] = []
    numbers = itertools.count()
    cpu, started = time.process_time(), time.perf_counter()

    async def session(number: int) -> None:
        await asyncio.sleep(job.spread_s * number / max(1, job.sessions))
        said = [PromptMessage("system", SYSTEM)]
        for utterance in TURNS:
            said.append(PromptMessage("user", utterance))
            turn, reply = await _turn(engine, text, said, job, f"{name}-{next(numbers)}")
            said.append(PromptMessage("assistant", reply or "..."))
            turns.append(turn)

    await asyncio.gather(*(session(number) for number in range(job.sessions)))
    wall, spent = time.perf_counter() - started, time.process_time() - cpu
    return Outcome(contender=name, sessions=job.sessions, turns=tuple(turns), wall_s=wall, cpu_s=spent)


async def _turn(engine: Any, text: ChatText, said: list[PromptMessage], job: Job, request_id: str) -> tuple[Turn, str]:
    sent = time.perf_counter()
    ids = text.render(said)
    parameters = SamplingParams(
        temperature=0.8,
        top_p=0.95,
        top_k=30,
        max_tokens=job.max_out,
        stop_token_ids=list(text.stop_token_ids),
        output_kind=RequestOutputKind.DELTA,
    )
    times: list[float] = []
    tokens, reply, cached = 0, "", None
    async for output in engine.generate(tokens_input(ids), parameters, request_id):
        delta = output.outputs[0]
        tokens += len(delta.token_ids)
        cached = output.num_cached_tokens if cached is None else cached
        if delta.text:
            times.append(time.perf_counter())
            reply += delta.text
    gaps = tuple((later - earlier) * 1000 for earlier, later in itertools.pairwise(times))
    first = (times[0] if times else time.perf_counter()) - sent
    return Turn(ttft_ms=first * 1000, gaps_ms=gaps, tokens=tokens, cached_tokens=cached, prompt_tokens=len(ids)), reply


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    loaded = json.loads(sys.argv[1])
    asyncio.run(run([Job(**job) for job in loaded["jobs"]], loaded["arguments"]))
