"""One generation as a session sees it: what the engine has said of it so far, and how it ended."""

import enum
from typing import Protocol

import trio
from attrs import define, field

from engines.base import Delta, Failed, Finished, GenerationRequest, Usage
from engines.errors import EngineError, TurnFailed


class TextSink(Protocol):
    """Where a generation's text goes: its session."""

    def pour(self, turn: int, text: str, tokens: int) -> bool:
        """Take text of a turn; never blocks. Whether `flush` has to follow once the engine's step is handed out."""

    def flush(self) -> None:
        """The step is handed out to everybody; never blocks."""


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
    sink: TextSink
    submitted_at: float
    first_output_at: float | None = None
    state: GenerationState = GenerationState.RUNNING
    finish_reason: str = ""
    error: EngineError | None = None
    ended: trio.Event = field(factory=trio.Event)
    _prompt_tokens: int = field(init=False)
    _tokens: int = 0
    _cached_tokens: int | None = None

    def __attrs_post_init__(self) -> None:
        self._prompt_tokens = len(self.request.prompt_ids)

    @property
    def usage(self) -> Usage:
        """Token counts so far."""
        return Usage(self._prompt_tokens, self._tokens, self._cached_tokens)

    def take(self, output: Delta, now: float) -> bool:
        """New text: count its tokens, pass it to the session. Whether the sink wants to be flushed."""
        if self.first_output_at is None:
            self.first_output_at = now
        if output.cached_tokens is not None:
            self._cached_tokens = output.cached_tokens
        self._tokens += output.tokens
        return bool(output.text) and self.sink.pour(self.turn, output.text, output.tokens)

    def finish(self, output: Finished | Failed) -> None:
        """The engine's own end of it."""
        if isinstance(output, Finished):
            self.state, self.finish_reason = GenerationState.FINISHED, output.reason.value
            used = output.usage
            self._prompt_tokens, self._tokens = used.prompt_tokens, used.completion_tokens
            if used.cached_tokens is not None:
                self._cached_tokens = used.cached_tokens
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


__all__ = ["Generation", "GenerationState", "TextSink"]
