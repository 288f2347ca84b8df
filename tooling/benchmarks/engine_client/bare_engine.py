"""`python -m tooling.benchmarks.engine_client.bare_engine MODEL MOST`: vLLM's `AsyncLLM` on uvloop, a task per request.

The rival, written the way its users write it. Reads loads, prints what they took.
"""

import asyncio  # noqa: TID251 - the rival is an asyncio program
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from engines.base import GenerationRequest, Sampling
from engines.vllm.arguments import engine_arguments, sampling_arguments
from tooling.benchmarks.engine_client import model
from tooling.benchmarks.engine_client.work import PROMPT_TOKENS, Clock, Load, Took, engine_config, loads, quiet, say
from tooling.usage import answer_help


async def run(directory: Path, most: int) -> None:
    """Load once, do every load."""
    from vllm.engine.arg_utils import AsyncEngineArgs  # noqa: PLC0415
    from vllm.usage.usage_lib import UsageContext  # noqa: PLC0415
    from vllm.v1.engine.async_llm import AsyncLLM  # noqa: PLC0415

    config = engine_config(directory, most)
    engine = AsyncLLM.from_engine_args(
        AsyncEngineArgs(**engine_arguments(config)), usage_context=UsageContext.OPENAI_API_SERVER
    )
    try:
        say("statistics off")
        prompts = model.prompts(directory, most, PROMPT_TOKENS)
        todo = loads()
        while (load := await asyncio.to_thread(next, todo, None)) is not None:
            say(await _measure(engine, load, prompts))
    finally:
        engine.shutdown(timeout=5)


async def _measure(engine: Any, load: Load, prompts: Sequence[Sequence[int]]) -> Took:
    clock = Clock()
    counts = await asyncio.gather(
        *(_reply(engine, f"{number}", ids, load) for number, ids in enumerate(prompts[: load.requests]))
    )
    return clock.took(sum(counts))


async def _reply(engine: Any, name: str, ids: Sequence[int], load: Load) -> int:
    from vllm import SamplingParams  # noqa: PLC0415
    from vllm.inputs import tokens_input  # noqa: PLC0415
    from vllm.sampling_params import RequestOutputKind  # noqa: PLC0415

    request = GenerationRequest(id=name, prompt_ids=ids, sampling=Sampling(), max_tokens=load.tokens)
    values = sampling_arguments(request, engine_config(Path(), load.requests))
    parameters = SamplingParams(**values, output_kind=RequestOutputKind.DELTA)
    tokens = characters = 0
    async for output in engine.generate(tokens_input(list(ids)), parameters, name):
        delta = output.outputs[0]
        tokens += len(delta.token_ids)
        characters += len(delta.text)
    return tokens


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    place = Path(sys.argv[1])
    quiet(os.environ, place, "bare")  # noqa: TID251 - an entry module
    uvloop.run(run(place, int(sys.argv[2])))
