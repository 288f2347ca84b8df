"""Requests inside the island: one coroutine per request over `AsyncLLM.generate`, each with exactly one end.

Everything here runs in the island's thread. An abort is confirmed only when the engine's own process has handled it:
vLLM's front end ends a stream at once and on its own, which proves nothing, so a confirmation waits for an answer to a
question that was sent after the abort. One question serves all aborts of that moment.
"""

from collections.abc import Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any

from attrs import define, field

from engines.base import Aborted, Delta, Failed, Finished, FinishReason, GenerationRequest, Output, Usage
from engines.errors import EngineDead, TurnFailed, is_scarcity
from engines.vllm.arguments import sampling_arguments
from engines.vllm.config import VllmConfig
from engines.vllm.library import Library
from engines.vllm.ranks import Ranks

# Between two tries to abort a request that vLLM had not registered yet, in seconds.
_ABORT_AGAIN_S = 0.02

_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}


@define(eq=False)
class Stream:
    """One request that has not ended: whether its abort was asked for, and what was counted so far."""

    request: GenerationRequest
    aborted: bool = False
    ended: bool = False
    completion_tokens: int = 0
    cached_tokens: int | None = None

    def usage(self) -> Usage:
        """Counts so far."""
        return Usage(len(self.request.prompt_ids), self.completion_tokens, self.cached_tokens)


@define(eq=False, kw_only=True)
class Streams:
    """The requests of one opened engine. `emit` hands an output over, `spawn` and `pause` are the island's."""

    engine: Any
    library: Library
    config: VllmConfig
    emit: Callable[[tuple[str, Output]], None]
    spawn: Callable[[Coroutine[Any, Any, Any]], object]
    pause: Callable[[float], Coroutine[Any, Any, None]]
    _live: dict[str, Stream] = field(factory=dict, init=False)
    _unconfirmed: list[Stream] = field(factory=list, init=False)
    _asking: bool = field(default=False, init=False)
    _ranks: Ranks | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        if self.config.data_parallel > 1:
            self._ranks = Ranks(self.config.data_parallel)

    def begin(self, request: GenerationRequest) -> None:
        """Start a request."""
        stream = self._live[request.id] = Stream(request)
        self.spawn(self._serve(stream))

    def abort(self, request_id: str) -> None:
        """Stop a request; one that is unknown or ended is left alone."""
        stream = self._live.get(request_id)
        if stream is not None and not stream.aborted:
            stream.aborted = True
            self.spawn(self._press(stream))

    def unfinished(self) -> int:
        """Requests that the engine's front end has not seen the end of."""
        # 0.24 to 0.28 have the count one level deeper.
        count = getattr(self.engine, "get_num_unfinished_requests", None)
        return int((count or self.engine.output_processor.get_num_unfinished_requests)())

    async def round_trip(self) -> None:
        """Return when the engine's process has handled everything sent before; never, if it is stuck."""
        # A question without side effects that every version answers from its scheduler loop, in order.
        await self.engine.is_sleeping()

    async def _press(self, stream: Stream) -> None:
        # vLLM ignores an abort of an id that it has not registered yet, so it is told until the stream has ended.
        while not stream.ended:
            # What it raises is no end: told again, and if that never helps, whoever waits has a deadline.
            with suppress(Exception):
                await self.engine.abort(stream.request.id)
            await self.pause(_ABORT_AGAIN_S)

    async def _serve(self, stream: Stream) -> None:
        end: Output
        try:
            end = await self._generate(stream)
        except Exception as error:  # the door: whatever the library raises becomes one of our errors
            end = Failed(self.library.translate(error))
        stream.ended = True
        if stream.aborted and not _is_death(end):
            self._unconfirmed.append(stream)
            if not self._asking:
                self._asking = True
                self.spawn(self._confirm())
        else:
            self._end(stream, end)

    def _end(self, stream: Stream, end: Output) -> None:
        del self._live[stream.request.id]
        self.emit((stream.request.id, end))

    async def _confirm(self) -> None:
        while self._unconfirmed:
            batch, self._unconfirmed = self._unconfirmed, []
            end: Output = Aborted()
            try:
                await self.round_trip()
            except Exception as error:  # the door, as above
                if is_scarcity(error):
                    # Could not be asked: that is no answer.
                    self._unconfirmed = [*batch, *self._unconfirmed]
                    await self.pause(_ABORT_AGAIN_S)
                    continue
                end = Failed(EngineDead(f"no answer after an abort: {self.library.translate(error)}"))
            for stream in batch:
                self._end(stream, end)
        self._asking = False

    async def _generate(self, stream: Stream) -> Output:
        if stream.aborted:
            return Aborted()
        if self._ranks is None:
            return await self._pump(stream, {})
        rank = self._ranks.take(stream.request.affinity)
        try:
            return await self._pump(stream, {"data_parallel_rank": rank})
        finally:
            self._ranks.give_back(rank)

    async def _pump(self, stream: Stream, placement: dict[str, int]) -> Output:
        request, library = stream.request, self.library
        sampling = library.sampling_class(**sampling_arguments(request, self.config), output_kind=library.delta_kind)
        prompt = library.tokens_input(list(request.prompt_ids))
        # Leaving the generator without closing it would keep the request running until it is collected.
        async with aclosing(self.engine.generate(prompt, sampling, request.id, **placement)) as outputs:
            async for output in outputs:
                if stream.aborted:
                    return Aborted()
                self._pass_on(stream, output)
                if output.finished:
                    return _ending(stream, output.outputs[0].finish_reason)
        return Failed(TurnFailed("vLLM ended a stream without saying why"))

    def _pass_on(self, stream: Stream, output: Any) -> None:
        completion = output.outputs[0]
        tokens = len(completion.token_ids)
        stream.completion_tokens += tokens
        if output.num_cached_tokens is not None:
            stream.cached_tokens = output.num_cached_tokens
        if tokens or completion.text:
            self.emit((stream.request.id, Delta(completion.text, tokens, stream.cached_tokens)))


def _ending(stream: Stream, reason: str | None) -> Output:
    known = _REASONS.get(reason or "")
    if known is not None:
        return Finished(known, stream.usage())
    if reason == "abort":
        # Not ours: the engine's process got a signal and is ending; it says so itself only seconds later.
        return Failed(EngineDead("vLLM aborted a request by itself: its process is shutting down"))
    return Failed(TurnFailed(f"vLLM ended the request with {reason!r}"))


def _is_death(end: Output) -> bool:
    return isinstance(end, Failed) and isinstance(end.error, EngineDead)


__all__ = ["Stream", "Streams"]
