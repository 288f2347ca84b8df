"""Warm-up: real inferences before anybody is told that the router is ready."""

import math
from collections.abc import Sequence

from engines.classifier.contract import Classifier, ClassifierInfo
from engines.errors import EngineError, EngineStartFailed

SHORT = "What do you see on my screen?"


async def warm_up(classifier: Classifier, info: ClassifierInfo) -> None:
    """One short text alone, then one full batch at the longest length. Raises `EngineStartFailed`."""
    await _infer(classifier, [SHORT])
    await _infer(classifier, [_longest(info)] * info.batching.max_size)


def _longest(info: ClassifierInfo) -> str:
    """A text that fills an input: words are repeated, and what is over is cut off with every other input's."""
    each = max(1, info.measure.count(f"{SHORT} {SHORT}") - info.measure.count(SHORT))
    return " ".join([SHORT] * (1 + math.ceil(info.max_length / each)))


async def _infer(classifier: Classifier, texts: Sequence[str]) -> None:
    try:
        found = await classifier.classify(texts)
    except EngineError as error:
        raise EngineStartFailed(f"warm-up of the tool model: {error}") from error
    if len(found) != len(texts):
        raise EngineStartFailed(f"warm-up of the tool model: {len(found)} results for {len(texts)} texts")
    # In half precision a model trained in another one may overflow, and says so with numbers that are none.
    if not all(0.0 <= probability <= 1.0 for probability in found):
        raise EngineStartFailed("warm-up of the tool model: its probabilities are no numbers between 0 and 1")


__all__ = ["warm_up"]
