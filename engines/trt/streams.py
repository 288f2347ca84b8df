"""Requests inside the island: one coroutine per request over the library's result, each with exactly one end.

Everything here runs in the island's thread, because the library wakes all results through the loop of the first one.
A result is one object that changes under our hands: what a step brought is read before the next step is awaited, and
the object itself goes nowhere. Leaving the loop over it stops nothing on the GPU; only `abort` does.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from attrs import define, field

from engines.base import Aborted, Delta, Failed, Finished, FinishReason, GenerationRequest, Output, Usage
from engines.detokenising import byte_tokens, deltas
from engines.errors import EngineDead, TurnFailed
from engines.trt.arguments import sampling_arguments
from engines.trt.config import TrtConfig
from engines.trt.decoding import TextStream
from engines.trt.library import Library

_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}


@define(eq=False)
class Stream:
    """One request that has not ended: the library's result for it, and what was counted so far.

    `ends`: ids that end the reply and are not part of its text.
    """

    request: GenerationRequest
    text: TextStream
    ends: frozenset[int]
    result: Any = None
    aborted: bool = False
    completion_tokens: int = 0
    cached_tokens: int | None = None

    def usage(self) -> Usage:
        """Counts so far."""
        return Usage(len(self.request.prompt_ids), self.completion_tokens, self.cached_tokens)


@define(eq=False, kw_only=True)
class Streams:
    """The requests of one opened engine. `emit` hands an output over, `spawn` is the island's.

    `say` warns of a sampling key that this version lacks. `zero_means_unknown`: the engine backend counts no cached
    tokens and says 0.
    """

    llm: Any
    library: Library
    config: TrtConfig
    emit: Callable[[tuple[str, Output]], None]
    spawn: Callable[[Coroutine[Any, Any, Any]], object]
    say: Callable[[str, str], None]
    zero_means_unknown: bool
    _live: dict[str, Stream] = field(factory=dict, init=False)
    _eos: frozenset[int] = field(default=frozenset(), init=False)
    _bytes_of: Mapping[int, int] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        eos = self.llm.tokenizer.eos_token_id
        self._eos = frozenset(() if eos is None else (eos,))
        # The library's tokenizer stands around the one of the model, which knows its vocabulary.
        own = getattr(self.llm.tokenizer, "tokenizer", self.llm.tokenizer)
        vocabulary = own.get_vocab() if hasattr(own, "get_vocab") else {}
        self._bytes_of = byte_tokens(vocabulary.get, self._decode)

    def begin(self, request: GenerationRequest) -> None:
        """Start a request."""
        text = TextStream.after(request.prompt_ids, self._decode, self._bytes_of)
        stream = self._live[request.id] = Stream(request, text, self._eos.union(request.stop_token_ids))
        self.spawn(self._serve(stream))

    def abort(self, request_id: str) -> None:
        """Stop a request; one that is unknown, aborted already or ended is left alone."""
        stream = self._live.get(request_id)
        if stream is None or stream.aborted:
            return
        stream.aborted = True
        if stream.result is not None:
            try:
                stream.result.abort()
            except Exception as error:  # the door: after a shutdown there is nothing left to abort it in
                self._end(stream, Failed(EngineDead(f"an abort could not be sent: {self.library.translate(error)}")))

    async def _serve(self, stream: Stream) -> None:
        try:
            end = await self._pump(stream)
        except Exception as error:  # the door: whatever the library raises becomes one of our errors
            # Its own flag stays at "not finished" after an error, so nothing is asked of the result any more.
            end = Failed(self.library.translate(error))
        self._end(stream, end)

    def _end(self, stream: Stream, end: Output) -> None:
        if self._live.pop(stream.request.id, None) is not None:
            self.emit((stream.request.id, end))

    async def _pump(self, stream: Stream) -> Output:
        request = stream.request
        if stream.aborted:
            # Aborted in the turn of its submission: the engine never hears of it.
            return Aborted()
        room = self.config.max_model_len - len(request.prompt_ids)
        if request.max_tokens > room:
            return Failed(TurnFailed(f"{request.max_tokens} new tokens do not fit: {max(room, 0)} are left"))
        # A plain function that blocks: cheap with token ids, and it binds the result to the loop that runs now.
        stream.result = self.llm.generate_async(
            list(request.prompt_ids), sampling_params=self._sampling(request), streaming=True
        )
        async for step in stream.result:
            completion = step.outputs[0]
            ids, finished = list(completion.token_ids_diff), step.finished
            reason = _reason(stream, ids, completion.finish_reason)
            self._count(stream, ids, step)
            self._pass_on(stream, ids, reason if finished else None)
            if finished:
                return _ending(stream, reason)
        return Failed(TurnFailed("TensorRT-LLM ended a stream without saying why"))

    def _sampling(self, request: GenerationRequest) -> Any:
        arguments = sampling_arguments(request, self.config)
        for name in arguments.keys() - self.library.sampling_names:
            self.say(name, f"TensorRT-LLM {self.library.version} has no {name}: it is left out")
            del arguments[name]
        # A fresh one each time: the library writes into it.
        return self.library.sampling_class(**arguments)

    def _count(self, stream: Stream, ids: list[int], step: Any) -> None:
        stream.completion_tokens += len(ids)
        cached = getattr(step, "cached_tokens", None)
        if cached is not None and not (cached == 0 and self.zero_means_unknown):
            stream.cached_tokens = int(cached)

    def _pass_on(self, stream: Stream, ids: list[int], reason: str | None) -> None:
        tokens, shown = len(ids), ids
        if stream.aborted:
            if ids:
                self.emit((stream.request.id, Delta("", tokens)))
            return
        if reason == "stop":
            if ids and ids[-1] in stream.ends:
                shown = ids[:-1]
            else:
                # Every stop is a token's doing, since no strings are passed. The library takes stop tokens out of its
                # list but leaves the model's own end token in; both were generated and count.
                tokens += 1
                stream.completion_tokens += 1
        parts = deltas(shown, stream.text.add, stream.request.controls, tokens - len(shown), stream.cached_tokens)
        for part in parts:
            if part.tokens or part.text:
                self.emit((stream.request.id, part))
        rest = stream.text.end() if reason is not None else ""
        if rest:
            self.emit((stream.request.id, Delta(rest, 0, stream.cached_tokens)))

    def _decode(self, ids: list[int]) -> str:
        # Special tokens stay visible: the server decides what of them is shown.
        text: str = self.llm.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text


def _reason(stream: Stream, ids: list[int], reason: str | None) -> str | None:
    """The PyTorch backend counts first: it calls a stop token in the last place that was allowed a matter of length."""
    return "stop" if reason == "length" and ids and ids[-1] in stream.ends else reason


def _ending(stream: Stream, reason: str | None) -> Output:
    known = _REASONS.get(reason or "")
    if known is not None:
        return Finished(known, stream.usage())
    if reason == "cancelled" and stream.aborted:
        return Aborted()
    return Failed(TurnFailed(f"TensorRT-LLM ended the request with {reason!r}"))


__all__ = ["Stream", "Streams"]
