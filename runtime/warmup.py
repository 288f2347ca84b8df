"""Warm-up: real requests through the real path, before anybody is told that the server is ready."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

import trio
from attrs import define

from actors.engine import EngineActor, Exchange
from actors.generation import GenerationState
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

    def pour(self, _turn: int, _text: str, _tokens: int, _now: float) -> None:
        """Forget it."""


async def warm_up(actor: EngineActor, info: EngineInfo, ids: Sequence[int]) -> None:
    """One request alone, then several at once of which one is aborted. Raises `EngineStartFailed`.

    `ids`: prompt ids to use, cut to 512 or to what the context leaves.
    """
    prompt = list(ids)[: max(1, min(PROMPT_TOKENS, info.max_model_len - NEW_TOKENS))]
    with _trying_out(actor, prompt, range(1)) as (alone,):
        await _finish(alone)
    with _trying_out(actor, prompt, range(1, 1 + min(AT_ONCE, info.max_running))) as (stopped, *others):
        stopped.abort(AbortCause.INTERNAL)
        for exchange in others:
            await _finish(exchange)
        with trio.move_on_after(actor.limits.cancel_grace_s) as patience:
            await stopped.ended()
            await actor.wait_aborts_confirmed()
    if patience.cancelled_caught:
        raise EngineStartFailed(f"warm-up: an abort was not confirmed within {actor.limits.cancel_grace_s:g} s")


@contextmanager
def _trying_out(actor: EngineActor, prompt: list[int], numbers: Sequence[int]) -> Iterator[list[Exchange]]:
    """Requests with these numbers, all at once, of as many turns that nobody asked for."""
    with ExitStack() as stack:
        exchanges = [stack.enter_context(closing(Exchange(actor.mailbox, actor.clock))) for _ in numbers]
        for number, exchange in zip(numbers, exchanges, strict=True):
            request = GenerationRequest(
                id=f"warmup-{number}",
                prompt_ids=prompt,
                sampling=Sampling(),
                max_tokens=NEW_TOKENS,
                seed=len(prompt),
            )
            exchange.try_out(request, TURN, _Nowhere())
        yield exchanges


async def _finish(exchange: Exchange) -> None:
    generation = exchange.generation
    assert generation is not None
    with trio.move_on_after(REQUEST_TIMEOUT_S):
        await exchange.ended()
    if generation.state is GenerationState.FAILED:
        raise EngineStartFailed(f"warm-up: {generation.failure}")
    if generation.state is not GenerationState.FINISHED or not generation.usage.completion_tokens:
        raise EngineStartFailed(f"warm-up: a request brought nothing within {REQUEST_TIMEOUT_S:g} s")


__all__ = ["warm_up"]
