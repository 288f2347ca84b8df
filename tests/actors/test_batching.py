"""The queue in front of the classifier, against a plain list of what should be in it."""

import math

from attrs import define
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.router.batching import BatchQueue
from engines.classifier import Batching


@define(eq=False)
class Asked:
    submitted_at: float


class Queue(RuleBasedStateMachine):
    """Requests come, are withdrawn and are taken, in any order."""

    @initialize(size=st.integers(1, 4), delay=st.sampled_from([0.0, 0.5]))
    def opens(self, size: int, delay: float) -> None:
        self.limits = Batching(size, delay)
        self.queue: BatchQueue[Asked] = BatchQueue(self.limits)
        self.waiting: list[Asked] = []
        self.gone: list[Asked] = []
        self.last = 0
        self.now = 0.0

    @rule(after=st.sampled_from([0.0, 0.25]))
    def comes(self, after: float) -> None:
        self.now += after
        item = Asked(self.now)
        self.queue.put(item)
        self.waiting.append(item)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def is_withdrawn(self, data: st.DataObject) -> None:
        item = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        assert self.queue.withdraw(item)
        self.gone.append(item)

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def is_withdrawn_again(self, data: st.DataObject) -> None:
        assert not self.queue.withdraw(data.draw(st.sampled_from(self.gone)))

    @precondition(lambda self: self.waiting)
    @rule()
    def is_taken(self) -> None:
        batch = self.queue.take()
        assert batch == self.waiting[: self.limits.max_size]
        self.waiting = self.waiting[len(batch) :]
        self.gone += batch
        self.last = len(batch)

    @rule()
    def ends(self) -> None:
        assert self.queue.clear() == self.waiting
        self.gone += self.waiting
        self.waiting = []

    @invariant()
    def a_batch_starts_when_it_should(self) -> None:
        start = self.queue.starts_at()
        if not self.waiting:
            assert start == math.inf
        elif self.last <= 1 or len(self.waiting) >= self.limits.max_size:
            assert start == -math.inf
        else:
            assert start == self.waiting[0].submitted_at + self.limits.max_delay_s

    @invariant()
    def its_length_is_what_waits(self) -> None:
        assert len(self.queue) == len(self.waiting)


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
