"""The queue in front of the classifier: who shares the next inference, and when it begins.

Nothing here waits or looks at a clock; times are seconds of whatever clock the caller has.
"""

import math
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

from attrs import define, field

from engines.classifier.limits import Batching


class Dated(Hashable, Protocol):
    """What can wait here, told apart by what it is."""

    @property
    def submitted_at(self) -> float:
        """When it came."""


Item = TypeVar("Item", bound=Dated)


@define(eq=False)
class BatchQueue(Generic[Item]):
    """Requests in order of arrival. Only one batch is out at a time, which is the caller's to keep.

    A batch waits for companions only if the one before it had some: where requests come one by one, none is delayed.
    The wait counts from the arrival of its first request, so that time spent behind an inference counts too.
    """

    limits: Batching
    _waiting: OrderedDict[Item, None] = field(factory=OrderedDict)
    _shared: bool = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: Item) -> None:
        """Append a request."""
        self._waiting[item] = None

    def withdraw(self, item: Item) -> bool:
        """Take a request out; whether it was still waiting."""
        present = item in self._waiting
        self._waiting.pop(item, None)
        return present

    def starts_at(self) -> float:
        """The time from which the next batch may begin; infinity while nothing waits."""
        if not self._waiting:
            return math.inf
        if not self._shared or len(self._waiting) >= self.limits.max_size:
            return -math.inf
        return next(iter(self._waiting)).submitted_at + self.limits.max_delay_s

    def take(self) -> list[Item]:
        """The next batch: the oldest requests, as many as fit."""
        size = min(self.limits.max_size, len(self._waiting))
        batch = [self._waiting.popitem(last=False)[0] for _ in range(size)]
        self._shared = len(batch) > 1
        return batch

    def clear(self) -> list[Item]:
        """Everything that waits, which no longer does."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting


__all__ = ["BatchQueue", "Dated"]
