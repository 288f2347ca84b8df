"""The tool model of a simulation: the real actor and its life around a classifier that answers as the plan says."""

import math
import random
import zlib
from collections.abc import Sequence

import trio
from attrs import define

from engines.base import Progress
from engines.classifier import Batching, ClassifierInfo, TextMeasure
from engines.errors import EngineDead, EngineStartFailed, TurnFailed
from tests.simulation.trace import Trace
from tests.toy import toy_text

BUDGET = 512
SLOW_S = 45.0
"""Past every deadline, of turns and of the actor."""
LOOKS = "look"
"""A text with this word asks for a look at the screen."""


@define(eq=False)
class Classifying:
    """`mood`: how the next inferences go: "" well, "slow" (past every deadline), "failing", "wrong" (too few scores),
    "nan", "raising" (an exception nobody foresaw), "dead". `failing_starts`: how many of the next fail.
    """

    dice: random.Random
    trace: Trace
    seconds: float = 0.03
    mood: str = ""
    failing_starts: int = 0
    opened: int = 0

    async def open(self, progress: Progress) -> ClassifierInfo:
        """After a moment."""
        progress("reading the script")
        await trio.sleep(0.05)
        self.opened += 1
        if self.failing_starts and self.opened > 1:
            self.failing_starts -= 1
            raise EngineStartFailed("the plan says so")
        measure = TextMeasure(toy_text().encoder, BUDGET, 1)
        return ClassifierInfo(name="simulated", max_length=BUDGET, batching=Batching(3, 0.01), measure=measure)

    async def classify(self, texts: Sequence[str]) -> Sequence[float]:
        """As `score_of` has it."""
        mood, self.mood = self.mood, "" if self.mood == "dead" else self.mood
        self.trace.note("router", f"reads {len(texts)} {mood}".rstrip())
        await trio.sleep(SLOW_S if mood == "slow" else self.seconds * self.dice.random())
        match mood:
            case "failing":
                raise TurnFailed("the plan says so")
            case "wrong":
                return [0.5] * (len(texts) + 1)
            case "nan":
                return [math.nan] * len(texts)
            case "raising":
                raise ValueError("the plan says so")
            case "dead":
                raise EngineDead("the plan says so")
        return [score_of(text) for text in texts]

    async def close(self) -> None:
        """At once."""
        self.trace.note("router", "is closed")
        await trio.lowlevel.checkpoint()


def score_of(text: str) -> float:
    """Yes where its last line says so, and what no other line has: whose decision it is can be told."""
    line = text.splitlines()[-1]
    return round((0.9 if LOOKS in line else 0.1) + zlib.crc32(line.encode()) % 10_000 / 1_000_000, 6)


__all__ = ["LOOKS", "Classifying", "score_of"]
