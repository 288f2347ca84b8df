"""The router's actor: gathers the turns' questions into batches, has them classified, and answers each one.

`decide` never fails: whatever goes wrong is a no without a score, counted as an error, and the chat goes on. The
deadline is the asking turn's; a question that is cancelled or late leaves the queue in the scheduler turn in which its
task learns of it, and one whose batch is being read has its answer dropped.
"""

import enum
from collections import Counter
from collections.abc import Sequence
from typing import NoReturn

import trio
from attrs import define, field, frozen

from actors.batching import BatchQueue
from actors.session.intake import Routing
from actors.session.turn import Decision
from engines.classifier import Batching, Classifier, TextMeasure
from engines.errors import EngineHung, TurnFailed


class RoutingError(enum.Enum):
    """Why a question was answered with no without having been decided."""

    TIMEOUT = "timeout"
    INFERENCE_FAILED = "inference_failed"
    WRONG_RESULT_COUNT = "wrong_result_count"
    INVALID_SCORE = "invalid_score"
    WORKER_DOWN = "worker_down"


@frozen(kw_only=True)
class RouterStats:
    """A snapshot: questions waiting and being read, and everything answered since the start of the process.

    Every question of the past is one of `yes`, `no`, `errors` (by kind) or `withdrawn` (its turn was cancelled).
    `batch_sizes`: number of inferences by the questions in them.
    """

    up: bool
    queued: int
    running: int
    yes: int
    no: int
    errors: dict[str, int]
    withdrawn: int
    batches: int
    batch_sizes: dict[int, int]


@define(eq=False)
class _Question:
    """One text to be decided; `score` or `error` is set once, with `answered`."""

    text: str = field(repr=False)
    submitted_at: float
    answered: trio.Event = field(factory=trio.Event)
    score: float | None = None
    error: RoutingError | None = None

    def answer(self, outcome: float | RoutingError) -> None:
        assert not self.answered.is_set(), "a question is answered once"
        if isinstance(outcome, RoutingError):
            self.error = outcome
        else:
            self.score = outcome
        self.answered.set()


@define(eq=False)
class RouterActor:
    """Owns the questions of all sessions. `run` serves one classifier after the other; without one all is no.

    `threshold`: a probability of that much is a yes. `hang_timeout_s`: an inference that long counts as hung.
    """

    threshold: float = 0.66
    hang_timeout_s: float = 30.0
    _queue: BatchQueue[_Question] | None = None
    _running: list[_Question] = field(factory=list)
    _changed: trio.Event = field(factory=trio.Event)
    _decisions: Counter[bool] = field(factory=Counter)
    _errors: Counter[RoutingError] = field(factory=Counter)
    _withdrawn: int = 0
    _batch_sizes: Counter[int] = field(factory=Counter)

    async def run(
        self,
        classifier: Classifier,
        batching: Batching,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> NoReturn:
        """Serve with an opened classifier until cancelled. Raises `EngineDead` or `EngineHung` when it is no more."""
        assert self._queue is None, "one classifier at a time"
        queue: BatchQueue[_Question] = BatchQueue(batching)
        self._queue = queue
        task_status.started()
        try:
            while True:
                await self._batch_due(queue)
                await self._infer(classifier, queue.take())
        finally:
            self._queue = None
            lost, self._running = [*self._running, *queue.clear()], []
            for question in lost:
                question.answer(RoutingError.WORKER_DOWN)

    async def decide(self, text: str, timeout_s: float) -> Decision:
        """Whether the last of these user texts asks for a look at the screen; no if it cannot be known in time."""
        if self._queue is None:
            await trio.lowlevel.checkpoint()
            return self._no(RoutingError.WORKER_DOWN)
        question = _Question(text, trio.current_time())
        self._queue.put(question)
        self._wake()
        try:
            with trio.move_on_after(timeout_s):
                await question.answered.wait()
        except trio.Cancelled:
            self._withdrawn += 1
            raise
        finally:
            self._forget(question)
        if not question.answered.is_set():  # not how the wait ended: an answer in the same scheduler turn is in time
            return self._no(RoutingError.TIMEOUT)
        if question.score is None:
            assert question.error is not None, "answered with neither score nor error"
            return self._no(question.error)
        yes = question.score >= self.threshold
        self._decisions[yes] += 1
        return Decision(yes, question.score)

    def stats(self) -> RouterStats:
        """A snapshot for health, metrics and tests."""
        return RouterStats(
            up=self._queue is not None,
            queued=0 if self._queue is None else len(self._queue),
            running=len(self._running),
            yes=self._decisions[True],
            no=self._decisions[False],
            errors={kind.value: count for kind, count in sorted(self._errors.items(), key=lambda pair: pair[0].value)},
            withdrawn=self._withdrawn,
            batches=self._batch_sizes.total(),
            batch_sizes=dict(sorted(self._batch_sizes.items())),
        )

    async def _batch_due(self, queue: BatchQueue[_Question]) -> None:
        """Return when the next batch may begin; it has at least one question then."""
        await trio.lowlevel.checkpoint()  # everyone who is about to ask in this scheduler turn shares the batch
        while (start := queue.starts_at()) > trio.current_time():
            with trio.move_on_at(start):
                await self._changed.wait()

    async def _infer(self, classifier: Classifier, batch: list[_Question]) -> None:
        self._running = list(batch)
        self._batch_sizes[len(batch)] += 1
        try:
            with trio.move_on_after(self.hang_timeout_s) as patience:
                scores = await classifier.classify([question.text for question in batch])
            if patience.cancelled_caught:
                raise EngineHung(f"an inference of the tool model took longer than {self.hang_timeout_s:g} s")
            outcomes = _outcomes(scores, len(batch))
        except TurnFailed:
            outcomes = [RoutingError.INFERENCE_FAILED] * len(batch)
        asking, self._running = self._running, []
        for question, outcome in zip(batch, outcomes, strict=True):
            if question in asking:
                question.answer(outcome)

    def _forget(self, question: _Question) -> None:
        """The asking task is gone, or has its answer."""
        if question in self._running:
            self._running.remove(question)
        elif self._queue is not None and self._queue.withdraw(question):
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _no(self, error: RoutingError) -> Decision:
        self._errors[error] += 1
        return Decision(yes=False, score=None)


def _outcomes(scores: Sequence[float], expected: int) -> Sequence[float | RoutingError]:
    """What each question of a batch gets; a score that is no probability (NaN as well) is none."""
    if len(scores) != expected:
        return [RoutingError.WRONG_RESULT_COUNT] * expected
    return [score if 0.0 <= score <= 1.0 else RoutingError.INVALID_SCORE for score in scores]


def routing(measure: TextMeasure) -> Routing:
    """How sessions measure the router's texts."""
    return Routing(
        count=measure.count, cut_end=measure.cut_end, budget=measure.budget, newline_tokens=measure.newline_tokens
    )


__all__ = ["RouterActor", "RouterStats", "RoutingError", "routing"]
