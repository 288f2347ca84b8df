"""Which way the engine is talked to: step by step where that is proven at the start, else the public way."""

import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from attrs import evolve, frozen

from engines.base import Aborted, Delta, Failed, Finished, GenerationRequest, Output, Sampling
from engines.errors import describe
from engines.vllm.client import Client, Parts
from engines.vllm.internals import Internals, Unfit, find
from engines.vllm.steps import Steps
from engines.vllm.streams import Streams

# Milliseconds on a warm engine, but the first request of all may compile kernels. Bounded, so that no start hangs here.
_REHEARSAL_S = 120.0
_LOOK_S = 0.005


@frozen
class Choice:
    """A client that is ready for requests. `why_public`: why it is not the quick one, where that was tried."""

    client: Client
    detokenising: str
    why_public: str | None = None


Choose = Callable[[Parts], Coroutine[Any, Any, Choice]]


async def quickest(parts: Parts) -> Choice:
    """The step client if everything it rests on is there and a real step came through it, else the public one."""
    try:
        internals = await find(parts)
        await _rehearse(parts, internals)
    except Exception as error:  # a library that has changed fails in any way; the public way does without
        why = str(error) if isinstance(error, Unfit) else describe(error)
        return evolve(await public(parts), why_public=why)
    client = Steps(parts, internals)
    client.open()
    return Choice(client, internals.detokeniser.name)


async def public(parts: Parts) -> Choice:
    """The client over `AsyncLLM.generate`, unasked."""
    return Choice(Streams(parts), "vLLM's own")


async def _rehearse(parts: Parts, internals: Internals) -> None:
    """Two tokens from every data-parallel rank and one abort, all the way. Raises `Unfit`."""
    heard: list[tuple[str, Output]] = []
    client = Steps(evolve(parts, emit=heard.extend), internals)
    client.open()
    try:
        names = [f"self-check-{rank}" for rank in range(parts.config.data_parallel)]
        for rank, name in enumerate(names):
            client.begin(_request(name, 2, affinity=rank))
        await _heard_ends(parts, heard, names)
        for name in names:
            _check([output for of, output in heard if of == name])
        client.begin(_request("self-check-abort", max(1, parts.config.max_model_len - 2)))
        client.abort("self-check-abort")
        await _heard_ends(parts, heard, ["self-check-abort"])
        if heard[-1][1] != Aborted():
            raise Unfit(f"an abort at the start was answered with {heard[-1][1]}")
    finally:
        client.close()


def _request(name: str, max_tokens: int, affinity: int = 0) -> GenerationRequest:
    return GenerationRequest(
        id=name, prompt_ids=(0, 1), sampling=Sampling(temperature=0.0), max_tokens=max_tokens, affinity=affinity
    )


async def _heard_ends(parts: Parts, heard: Sequence[tuple[str, Output]], names: Sequence[str]) -> None:
    deadline = time.monotonic() + _REHEARSAL_S
    while not {name for name, output in heard if not isinstance(output, Delta)}.issuperset(names):
        if time.monotonic() > deadline:
            raise Unfit(f"no step came through within {_REHEARSAL_S:g} s")
        await parts.pause(_LOOK_S)


def _check(outputs: Sequence[Output]) -> None:
    deltas = [output for output in outputs if isinstance(output, Delta)]
    end = outputs[-1]
    if isinstance(end, Failed):
        raise Unfit(f"a request at the start failed: {end.error}")
    if not isinstance(end, Finished) or end.usage.completion_tokens != sum(delta.tokens for delta in deltas):
        raise Unfit("a request at the start did not end with its tokens")
    if end.usage.completion_tokens < 1 or end.usage.cached_tokens is None:
        raise Unfit("a step at the start brought no tokens or no count of cached ones")


__all__ = ["Choice", "Choose", "public", "quickest"]
