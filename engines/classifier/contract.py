"""The classifier contract: texts in, one probability of yes for each out, in order."""

from collections.abc import Sequence
from typing import Protocol

from attrs import field, frozen

from engines.base import Progress
from engines.classifier.limits import Batching
from engines.classifier.measure import TextMeasure


@frozen(kw_only=True)
class ClassifierInfo:
    """What an opened classifier says of itself.

    `max_length`: tokens of one input, special ones included. `measure`: how user texts are counted and cut.
    `facts`: anything worth a start-up log line. `warnings`: sentences that deserve one line each in the log.
    """

    name: str
    max_length: int
    batching: Batching
    measure: TextMeasure
    facts: dict[str, str | int | float | bool | None] = field(factory=dict)
    warnings: tuple[str, ...] = ()


class Classifier(Protocol):
    """A text classifier. Opened once; after `EngineDead` a new instance is made."""

    async def open(self, progress: Progress) -> ClassifierInfo:
        """Load and return when texts can be classified; `progress` gets one short line a step.

        Raises `EngineStartFailed`.
        """

    async def classify(self, texts: Sequence[str]) -> Sequence[float]:
        """Probabilities of yes, 0..1, one a text and in order; off the event loop.

        Raises `TurnFailed` if this inference failed, `EngineDead` if there will be no other. A cancelled wait leaves
        the inference to run to its end, unseen.
        """

    async def close(self) -> None:
        """End everything. Idempotent, bounded in time, safe after a failed `open`."""


__all__ = ["Classifier", "ClassifierInfo"]
