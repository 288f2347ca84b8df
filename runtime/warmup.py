"""Warm-up: real requests through the real path, before anybody is told that the server is ready."""

from collections.abc import Sequence

import trio
from attrs import define

from actors.engine import EngineActor
from actors.generation import Generation, GenerationState
from actors.session.effects import AbortCause
from engines.base import EngineInfo, GenerationRequest, Sampling
from engines.errors import EngineStartFailed

PROMPT_TOKENS = 512
NEW_TOKENS = 8
AT_ONCE = 8
TURN = 0
REQUEST_TIMEOUT_S = 300.0


@define
class _Nowhere:
    """Warm-up text is for nobody."""

    def pour(self, _turn: int, _text: str, _tokens: int) -> bool:
        """Forget it."""
        return False

    def flush(self) -> None:
        """There is nothing."""


async def warm_up(actor: EngineActor, info: EngineInfo, ids: Sequence[int]) -> None:
    """One request alone, then several at once of which one is aborted. Raises `EngineStartFailed`.

    `ids`: prompt ids to use, cut to 512 or to what the context leaves.
    """
    prompt = list(ids)[: max(1, min(PROMPT_TOKENS, info.max_model_len - NEW_TOKENS))]
    await _finish(_submit(actor, prompt, "warmup-0"))
    several = [_submit(actor, prompt, f"warmup-{n}") for n in range(1, 1 + min(AT_ONCE, info.max_running))]
    actor.abort(several[0], AbortCause.INTERNAL)
    for generation in several[1:]:
        await _finish(generation)
    with trio.move_on_after(actor.limits.cancel_grace_s) as patience:
        await actor.wait_aborts_confirmed()
    if patience.cancelled_caught:
        raise EngineStartFailed(f"warm-up: an abort was not confirmed within {actor.limits.cancel_grace_s:g} s")


def _submit(actor: EngineActor, prompt: list[int], name: str) -> Generation:
    request = GenerationRequest(
        id=name, prompt_ids=prompt, sampling=Sampling(), max_tokens=NEW_TOKENS, seed=len(prompt)
    )
    return actor.try_out(request, TURN, _Nowhere())


async def _finish(generation: Generation) -> None:
    with trio.move_on_after(REQUEST_TIMEOUT_S):
        await generation.ended.wait()
    if generation.state is GenerationState.FAILED:
        raise EngineStartFailed(f"warm-up: {generation.failure}")
    if generation.state is not GenerationState.FINISHED or not generation.usage.completion_tokens:
        raise EngineStartFailed(f"warm-up: a request brought nothing within {REQUEST_TIMEOUT_S:g} s")


__all__ = ["warm_up"]
