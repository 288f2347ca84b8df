"""The router's actor: gathers the turns' questions into batches, has them classified, and answers each one.

An answer never fails: whatever goes wrong is a no without a score, counted as an error, and the chat goes on. The
deadline is the asking turn's; a question that is withdrawn leaves the queue, and one whose batch is being read has its
answer dropped.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NoReturn, assert_never

import trio
from attrs import define, field, frozen

from actors.channels import ROUTER_MAILBOX
from actors.happenings import NOBODY, Classified, Observer
from actors.router.batching import BatchQueue
from actors.router.messages import Decision, Message, Question, RoutingError, Withdraw
from actors.session.intake import Routing
from engines.classifier import Batching, Classifier, TextMeasure
from engines.errors import EngineHung, TurnFailed


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
class RouterActor:
    """Owns the questions of all sessions. `mailbox`: where turns send them.

    `run` handles messages as long as the server lives; its owner has it `serve` with one classifier after the other.
    Without one all is no. `threshold`: a probability of that much is a yes. `hang_timeout_s`: an inference that long
    counts as hung.
    """

    threshold: float = 0.66
    hang_timeout_s: float = 30.0
    observer: Observer = NOBODY
    mailbox: trio.MemorySendChannel[Message] = field(init=False)
    _messages: trio.MemoryReceiveChannel[Message] = field(init=False)
    _open: set[Question] = field(factory=set)
    _queue: BatchQueue[Question] | None = None
    _running: list[Question] = field(factory=list)
    _changed: trio.Event = field(factory=trio.Event)
    _decisions: Counter[bool] = field(factory=Counter)
    _errors: Counter[RoutingError] = field(factory=Counter)
    _withdrawn: int = 0
    _batch_sizes: Counter[int] = field(factory=Counter)

    def __attrs_post_init__(self) -> None:
        self.mailbox, self._messages = trio.open_memory_channel[Message](ROUTER_MAILBOX)

    async def run(self) -> NoReturn:
        """Handle messages until cancelled. The mailbox stays open then: a turn that ends later may say so."""
        while True:
            # In no variable: it would keep the text of the last question until somebody else has one.
            self._handle(await self._messages.receive())
            self._handle_waiting()

    async def serve(
        self,
        classifier: Classifier,
        batching: Batching,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> NoReturn:
        """Have an opened classifier read until cancelled. Raises `EngineDead` or `EngineHung` when it is no more."""
        assert self._queue is None, "one classifier at a time"
        queue: BatchQueue[Question] = BatchQueue(batching)
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
                self._answer(question, RoutingError.WORKER_DOWN)

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

    def _handle_waiting(self) -> None:
        """What came in the same turn of the loop is handled in one, too: such questions share a batch."""
        while True:
            try:
                message = self._messages.receive_nowait()
            except trio.WouldBlock:
                return
            self._handle(message)

    def _handle(self, message: Message) -> None:
        match message:
            case Question():
                self._open.add(message)
                if self._queue is None:
                    self._answer(message, RoutingError.WORKER_DOWN)
                else:
                    self._queue.put(message)
                    self._wake()
            case Withdraw():
                self._withdraw(message)
            case _:
                assert_never(message)

    def _withdraw(self, message: Withdraw) -> None:
        question = message.question
        if question not in self._open:
            return
        self._open.remove(question)
        if message.late:
            self._errors[RoutingError.TIMEOUT] += 1
        else:
            self._withdrawn += 1
        if question in self._running:
            self._running.remove(question)
        elif self._queue is not None and self._queue.withdraw(question):
            self._wake()

    def _answer(self, question: Question, outcome: float | RoutingError) -> None:
        """Decide a question, and count it; one that nobody waits for is counted when its withdrawal is read."""
        if isinstance(outcome, RoutingError):
            decision = Decision(yes=False, score=None)
        else:
            decision = Decision(outcome >= self.threshold, outcome)
        try:
            question.asker.send_nowait(decision)
        except trio.BrokenResourceError:
            return
        self._open.remove(question)
        if isinstance(outcome, RoutingError):
            self._errors[outcome] += 1
        else:
            self._decisions[decision.yes] += 1

    async def _batch_due(self, queue: BatchQueue[Question]) -> None:
        """Return when the next batch may begin; it has at least one question then."""
        # Everyone who asks in this scheduler turn shares the batch: one turn to handle the message, one to see that.
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        while (start := queue.starts_at()) > trio.current_time():
            with trio.move_on_at(start):
                await self._changed.wait()

    async def _infer(self, classifier: Classifier, batch: list[Question]) -> None:
        self._running = list(batch)
        self._batch_sizes[len(batch)] += 1
        started = trio.current_time()
        try:
            with trio.move_on_after(self.hang_timeout_s) as patience:
                scores = await classifier.classify([question.text for question in batch])
            if patience.cancelled_caught:
                raise EngineHung(f"an inference of the tool model took longer than {self.hang_timeout_s:g} s")
            outcomes = _outcomes(scores, len(batch))
            self.observer.report(Classified(len(batch), trio.current_time() - started))
        except TurnFailed:
            outcomes = [RoutingError.INFERENCE_FAILED] * len(batch)
        asking, self._running = self._running, []
        for question, outcome in zip(batch, outcomes, strict=True):
            if question in asking:
                self._answer(question, outcome)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


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


__all__ = ["RouterActor", "RouterStats", "routing"]
