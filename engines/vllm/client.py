"""What both ways of talking to the engine have in common: open requests, each with exactly one end, and aborts.

Everything here runs in the island's thread. An abort is confirmed only when the engine's own process has handled it:
vLLM's front end ends a stream at once and on its own, which proves nothing, so a confirmation waits for an answer to a
question that was sent after the abort. One question serves all aborts of that moment.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from attrs import define, field, frozen

from engines.base import Aborted, Failed, Finished, FinishReason, GenerationRequest, Output, Usage
from engines.errors import EngineDead, TurnFailed, is_scarcity
from engines.vllm.config import VllmConfig
from engines.vllm.library import Library
from engines.vllm.ranks import Ranks

# Between two tries of an abort or of a question about it, in seconds.
AGAIN_S = 0.02

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


@frozen(kw_only=True)
class Parts:
    """What a client works with. `emit` hands outputs over; it, `spawn` and `pause` are the island's."""

    engine: Any
    library: Library
    config: VllmConfig
    emit: Callable[[Sequence[tuple[str, Output]]], None]
    spawn: Callable[[Coroutine[Any, Any, Any]], object]
    pause: Callable[[float], Coroutine[Any, Any, None]]


@define(eq=False)
class Client(ABC):
    """The requests of one opened engine. `ranks`: None without data parallelism."""

    parts: Parts
    ranks: Ranks | None = field(init=False)
    _unconfirmed: list[Stream] = field(factory=list, init=False)
    _asking: bool = field(default=False, init=False)

    @ranks.default
    def _ranks(self) -> Ranks | None:
        count = self.parts.config.data_parallel
        return Ranks(count) if count > 1 else None

    @abstractmethod
    def begin(self, request: GenerationRequest) -> None:
        """Start a request."""

    @abstractmethod
    def abort(self, request_id: str) -> None:
        """Stop a request; one that is unknown or ended is left alone."""

    @abstractmethod
    def unfinished(self) -> int:
        """Requests of which no end is known here."""

    @abstractmethod
    def end(self, stream: Stream, end: Output) -> None:
        """Hand over the one end of a stream, unless it has had it."""

    async def round_trip(self) -> None:
        """Return when the engine's process has handled everything sent before; never, if it is stuck."""
        # A question without side effects that every version answers from its scheduler loop, in order.
        await self.parts.engine.is_sleeping()

    def confirm(self, stream: Stream) -> None:
        """End an aborted stream as such once the engine's process has handled what was sent to it."""
        self._unconfirmed.append(stream)
        if not self._asking:
            self._asking = True
            self.parts.spawn(self._confirm())

    async def _confirm(self) -> None:
        while self._unconfirmed:
            batch, self._unconfirmed = self._unconfirmed, []
            end: Output = Aborted()
            try:
                await self.round_trip()
            except Exception as error:  # the door: whatever the library raises becomes one of our errors
                if is_scarcity(error):
                    # Could not be asked: that is no answer.
                    self._unconfirmed = [*batch, *self._unconfirmed]
                    await self.parts.pause(AGAIN_S)
                    continue
                end = Failed(EngineDead(f"no answer after an abort: {self.parts.library.translate(error)}"))
            for stream in batch:
                self.end(stream, end)
        self._asking = False


def ending(stream: Stream, reason: str | None) -> Output:
    """The end of a stream by vLLM's own word for it."""
    known = _REASONS.get(reason or "")
    if known is not None:
        return Finished(known, stream.usage())
    if reason == "abort":
        # Not ours: the engine's process got a signal and is ending; it says so itself only seconds later.
        return Failed(EngineDead("vLLM aborted a request by itself: its process is shutting down"))
    return Failed(TurnFailed(f"vLLM ended the request with {reason!r}"))


__all__ = ["AGAIN_S", "Client", "Parts", "Stream", "ending"]
