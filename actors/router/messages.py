"""What turns and the router's actor say to each other: a question, its withdrawal, and one decision back."""

import enum

from attrs import field, frozen
from trio import MemorySendChannel


class RoutingError(enum.Enum):
    """Why a question was answered with no without having been decided."""

    TIMEOUT = "timeout"
    INFERENCE_FAILED = "inference_failed"
    WRONG_RESULT_COUNT = "wrong_result_count"
    INVALID_SCORE = "invalid_score"
    WORKER_DOWN = "worker_down"


@frozen
class Decision:
    """The router's answer. `score` None: it timed out or failed, which counts as no."""

    yes: bool
    score: float | None


@frozen(eq=False)
class Question:
    """One text to be decided, told apart by what it is. `submitted_at`: the clock's seconds."""

    text: str = field(repr=False)
    submitted_at: float
    asker: MemorySendChannel[Decision] = field(repr=False)


@frozen
class Withdraw:
    """Nobody waits for the question's answer any more. `late`: its time is over, else its turn was stopped."""

    question: Question
    late: bool


Message = Question | Withdraw

__all__ = ["Decision", "Message", "Question", "RoutingError", "Withdraw"]
