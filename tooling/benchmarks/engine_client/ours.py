"""`python -m tooling.benchmarks.engine_client.ours WAY MODEL MOST`: `VllmEngine` as the server uses it, from trio.

WAY: `steps` or `public`. Reads loads, prints what they took; everything from `submit` to `deliver` is in it.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

from engines.base import Delta, Failed, GenerationRequest, Output, Sampling
from engines.vllm import VllmEngine
from engines.vllm.choosing import public, quickest
from tooling.benchmarks.engine_client import model
from tooling.benchmarks.engine_client.work import PROMPT_TOKENS, Clock, Load, Took, engine_config, loads, quiet, say
from tooling.usage import answer_help


class Counter:
    """The engine's `deliver`: counts tokens and characters, and knows when everybody has ended."""

    def __init__(self) -> None:
        self.tokens = self.characters = self._open = 0
        self.done = trio.Event()

    def expect(self, requests: int) -> None:
        """Begin again."""
        self.tokens = self.characters = 0
        self._open = requests
        self.done = trio.Event()

    def deliver(self, batch: Sequence[tuple[str, Output]]) -> None:
        """Take a batch in."""
        for _, output in batch:
            if isinstance(output, Delta):
                self.tokens += output.tokens
                self.characters += len(output.text)
                continue
            if isinstance(output, Failed):
                raise output.error
            self._open -= 1
            if not self._open:
                self.done.set()


async def run(way: str, directory: Path, most: int) -> None:
    """Open, do every load, close."""
    mark = quiet(os.environ, directory, way)  # noqa: TID251 - an entry module
    config = engine_config(directory, most, mark)
    counter = Counter()
    engine = VllmEngine(config, quickest if way == "steps" else public)
    info = await engine.open(counter.deliver, lambda line: None)
    try:
        say(f"vLLM {info.facts['version']}, detokenising: {info.facts['detokenising']}")
        prompts = model.prompts(directory, most, PROMPT_TOKENS)
        todo = loads()
        while (load := await trio.to_thread.run_sync(next, todo, None)) is not None:
            say(await _measure(engine, counter, load, prompts))
    finally:
        await engine.close()


async def _measure(engine: VllmEngine, counter: Counter, load: Load, prompts: Sequence[Sequence[int]]) -> Took:
    counter.expect(load.requests)
    clock = Clock()
    for number, ids in enumerate(prompts[: load.requests]):
        engine.submit(GenerationRequest(id=f"{number}", prompt_ids=ids, sampling=Sampling(), max_tokens=load.tokens))
    await counter.done.wait()
    return clock.took(counter.tokens)


if __name__ == "__main__":
    answer_help(__doc__, sys.argv[1:])
    trio.run(run, sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
