"""One generation as its turn sees it: what it got of it so far, and how it ended."""

import enum
from array import array
from typing import Protocol

from attrs import define, field

from actors.session.effects import AbortCause
from engines.base import Delta, Failed, Finished, GenerationRequest, Usage
from engines.errors import EngineError, TurnFailed


class TextSink(Protocol):
    """Where a generation's text goes: its session."""

    def pour(self, turn: int, text: str, tokens: int, now: float) -> None:
        """Take text of a turn that came `now`; never blocks, never raises."""


class GenerationState(enum.Enum):
    """RUNNING until its one end."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    ABORTED = "aborted"


@define(eq=False)
class Generation:
    """A submitted request, kept by its turn. The engine's actor hands each new text to `take` in the engine's step.

    Times are the clock's seconds. `arrivals`: when each token came, for whoever wants to know; None: nobody does.
    `cause`: why it was stopped.
    """

    request: GenerationRequest
    turn: int
    sink: TextSink
    submitted_at: float
    first_output_at: float | None = None
    state: GenerationState = GenerationState.RUNNING
    finish_reason: str = ""
    error: EngineError | None = None
    arrivals: "array[float] | None" = None
    ended_at: float | None = None
    cause: AbortCause | None = None
    _prompt_tokens: int = field(init=False)
    _tokens: int = 0
    _cached_tokens: int | None = None

    def __attrs_post_init__(self) -> None:
        self._prompt_tokens = len(self.request.prompt_ids)

    @property
    def usage(self) -> Usage:
        """Tokens that the turn was handed, and the engine's own count once the end is known."""
        return Usage(self._prompt_tokens, self._tokens, self._cached_tokens)

    def take(self, output: Delta, now: float) -> None:
        """New text: count its tokens, pass it to the session.

        Nothing is taken once the turn has stopped it, whose usage has been told by then.
        """
        if self.state is not GenerationState.RUNNING:
            return
        if self.first_output_at is None:
            self.first_output_at = now
        if output.cached_tokens is not None:
            self._cached_tokens = output.cached_tokens
        self._tokens += output.tokens
        if self.arrivals is not None:
            if output.tokens == 1:
                self.arrivals.append(now)
            else:
                self.arrivals.extend((now,) * output.tokens)
        if output.text:
            self.sink.pour(self.turn, output.text, output.tokens, now)

    def finish(self, how: Finished | Failed, now: float) -> None:
        """The engine's own end of it; without effect on one that the turn has stopped."""
        if self.state is not GenerationState.RUNNING:
            return
        self.ended_at = now
        if isinstance(how, Finished):
            used = how.usage
            self._prompt_tokens, self._tokens = used.prompt_tokens, used.completion_tokens
            if used.cached_tokens is not None:
                self._cached_tokens = used.cached_tokens
            self.state, self.finish_reason = GenerationState.FINISHED, how.reason.value
        else:
            self.state, self.error = GenerationState.FAILED, how.error

    def stop(self, cause: AbortCause, now: float) -> None:
        """The turn has enough of it."""
        self.state, self.cause, self.ended_at = GenerationState.ABORTED, cause, now

    @property
    def failure(self) -> EngineError:
        """Why it failed."""
        return self.error or TurnFailed("the generation failed without a reason")


__all__ = ["Generation", "GenerationState", "TextSink"]
