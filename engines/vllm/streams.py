"""The public way: one coroutine per request over `AsyncLLM.generate`.

What every version offers and nothing more; up to three times the work per token of `steps`.
"""

from contextlib import aclosing, suppress
from typing import Any

from attrs import define, field

from engines.base import Aborted, Delta, Failed, GenerationRequest, Output
from engines.detokenising import Pieces, deltas
from engines.errors import EngineDead, TurnFailed
from engines.vllm.arguments import sampling_arguments
from engines.vllm.client import AGAIN_S, Client, Stream, ending


@define(eq=False)
class Streams(Client):
    """Requests as vLLM's own front end knows them."""

    _live: dict[str, Stream] = field(factory=dict, init=False)

    def begin(self, request: GenerationRequest) -> None:
        """See `Client.begin`."""
        stream = self._live[request.id] = Stream(request)
        self.parts.spawn(self._serve(stream))

    def abort(self, request_id: str) -> None:
        """See `Client.abort`."""
        stream = self._live.get(request_id)
        if stream is not None and not stream.aborted:
            stream.aborted = True
            self.parts.spawn(self._press(stream))

    def unfinished(self) -> int:
        """Requests that the engine's front end has not seen the end of."""
        # 0.24 to 0.28 have the count one level deeper.
        count = getattr(self.parts.engine, "get_num_unfinished_requests", None)
        return int((count or self.parts.engine.output_processor.get_num_unfinished_requests)())

    def end(self, stream: Stream, end: Output) -> None:
        """See `Client.end`."""
        if self._live.pop(stream.request.id, None) is not None:
            self.parts.emit([(stream.request.id, end)])

    async def _press(self, stream: Stream) -> None:
        # vLLM ignores an abort of an id that it has not registered yet, so it is told until the stream has ended.
        while not stream.ended:
            # What it raises is no end: told again, and if that never helps, whoever waits has a deadline.
            with suppress(Exception):
                await self.parts.engine.abort(stream.request.id)
            await self.parts.pause(AGAIN_S)

    async def _serve(self, stream: Stream) -> None:
        end: Output
        try:
            end = await self._generate(stream)
        except Exception as error:  # the door: whatever the library raises becomes one of our errors
            end = Failed(self.parts.library.translate(error))
        stream.ended = True
        if stream.aborted and not _is_death(end):
            self.confirm(stream)
        else:
            self.end(stream, end)

    async def _generate(self, stream: Stream) -> Output:
        if stream.aborted:
            return Aborted()
        if self.ranks is None:
            return await self._pump(stream, {})
        rank = self.ranks.take(stream.request.affinity)
        try:
            return await self._pump(stream, {"data_parallel_rank": rank})
        finally:
            self.ranks.give_back(rank)

    async def _pump(self, stream: Stream, placement: dict[str, int]) -> Output:
        request, library = stream.request, self.parts.library
        sampling = library.sampling_class(
            **sampling_arguments(request, self.parts.config), output_kind=library.delta_kind
        )
        prompt = library.tokens_input(list(request.prompt_ids))
        # Leaving the generator without closing it would keep the request running until it is collected.
        async with aclosing(self.parts.engine.generate(prompt, sampling, request.id, **placement)) as outputs:
            async for output in outputs:
                if stream.aborted:
                    self._waste(stream, len(output.outputs[0].token_ids))
                    return Aborted()
                self._pass_on(stream, output)
                if output.finished:
                    return ending(stream, output.outputs[0].finish_reason)
        return Failed(TurnFailed("vLLM ended a stream without saying why"))

    def _waste(self, stream: Stream, tokens: int) -> None:
        if tokens:
            self.parts.emit([(stream.request.id, Delta("", tokens))])

    def _pass_on(self, stream: Stream, output: Any) -> None:
        completion = output.outputs[0]
        tokens = len(completion.token_ids)
        stream.completion_tokens += tokens
        if output.num_cached_tokens is not None:
            stream.cached_tokens = output.num_cached_tokens
        controls = stream.request.controls
        if not controls.keys().isdisjoint(completion.token_ids):
            text = Pieces(completion.text, controls)
            parts = deltas(completion.token_ids, text.push, controls, cached=stream.cached_tokens)
            self.parts.emit([(stream.request.id, part) for part in parts])
        elif tokens or completion.text:
            self.parts.emit([(stream.request.id, Delta(completion.text, tokens, stream.cached_tokens))])


def _is_death(end: Output) -> bool:
    return isinstance(end, Failed) and isinstance(end.error, EngineDead)


__all__ = ["Streams"]
