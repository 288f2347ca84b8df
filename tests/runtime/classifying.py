"""A tool model for tests that breaks when it is told to."""

from collections.abc import Callable, Sequence

import trio
from attrs import define

from engines.base import Progress
from engines.classifier import Batching, ClassifierInfo, TextMeasure
from tests.toy import toy_text

WARMS_UP_WITH = 2
"""Inferences of a warm-up."""


@define(eq=False)
class Classifying:
    """Breaks at its third inference, after those of its warm-up, and if `closes_badly` when it is closed.

    `breaks`: raises, given the texts that it was asked; None: it never breaks.
    """

    breaks: Callable[[Sequence[str]], None] | None
    closes_badly: bool = True
    asked: int = 0

    async def open(self, progress: Progress) -> ClassifierInfo:
        """At once."""
        await trio.lowlevel.checkpoint()
        measure = TextMeasure(toy_text().encoder, 64, 1)
        return ClassifierInfo(name="fragile", max_length=64, batching=Batching(1, 0.0), measure=measure)

    async def classify(self, texts: Sequence[str]) -> Sequence[float]:
        """Yes, until it breaks."""
        await trio.lowlevel.checkpoint()
        self.asked += 1
        if self.breaks is not None and self.asked > WARMS_UP_WITH:
            self.breaks(texts)
        return [1.0] * len(texts)

    async def close(self) -> None:
        """And break, if it may."""
        await trio.lowlevel.checkpoint()
        if self.breaks is not None and self.closes_badly:
            self.breaks(())


__all__ = ["Classifying"]
