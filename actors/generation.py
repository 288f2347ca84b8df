"""One generation as a session sees it: what the engine has said of it so far, and how it ended."""

import enum
from typing import Protocol

import trio
from attrs import define, field

from actors.session.events import ChunkProduced
from engines.base import Delta, Failed, Finished, GenerationRequest, Usage
from engines.errors import EngineError, TurnFailed


class ChunkSink(Protocol):
    """Where a generation's text goes: its session's inbox."""

    def put(self, message: ChunkProduced) -> None:
        """Leave one chunk; never blocks."""


class GenerationState(enum.Enum):
    """RUNNING until its one end."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    ABORTED = "aborted"


@define(eq=False)
class Generation:
    """A submitted request. Times are the clock's seconds; token counts are the engine's."""

    request: GenerationRequest
    turn: int
    sink: ChunkSink
    submitted_at: float
    first_output_at: float | None = None
    state: GenerationState = GenerationState.RUNNING
    finish_reason: str = ""
    error: EngineError | None = None
    usage: Usage = field(factory=Usage)
    ended: trio.Event = field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.usage = Usage(prompt_tokens=len(self.request.prompt_ids))

    def take(self, output: Delta, now: float) -> None:
        """New text: count its tokens, pass it to the session."""
        if self.first_output_at is None:
            self.first_output_at = now
        used = self.usage
        cached = output.cached_tokens if output.cached_tokens is not None else used.cached_tokens
        self.usage = Usage(used.prompt_tokens, used.completion_tokens + output.tokens, cached)
        if output.text:
            self.sink.put(ChunkProduced(self.turn, output.text, output.tokens))

    def finish(self, output: Finished | Failed) -> None:
        """The engine's own end of it."""
        if isinstance(output, Finished):
            self.state, self.finish_reason = GenerationState.FINISHED, output.reason.value
            cached = output.usage.cached_tokens
            self.usage = (
                output.usage
                if cached is not None
                else Usage(output.usage.prompt_tokens, output.usage.completion_tokens, self.usage.cached_tokens)
            )
        else:
            self.state, self.error = GenerationState.FAILED, output.error
        self.ended.set()

    def fail(self, error: EngineError) -> None:
        """The engine is gone, and this request with it."""
        self.finish(Failed(error))

    def abort(self) -> None:
        """We stopped it; what the engine still says of it is not heard."""
        self.state = GenerationState.ABORTED
        self.ended.set()

    @property
    def failure(self) -> EngineError:
        """Why it failed."""
        return self.error or TurnFailed("the generation failed without a reason")


__all__ = ["ChunkSink", "Generation", "GenerationState"]
