"""What a caller does and when, drawn from one seeded source: the same seed makes the same caller."""

import random
from collections.abc import Sequence
from enum import Enum

from attrs import field, frozen

SPOKEN_WORDS_PER_S = 2.5
"""People on the phone: 150 words a minute, the usual figure of conversation."""
SPEAKS_S = (1.0, 6.0)
ANSWERS_AFTER_S = (0.3, 2.0)
INTERRUPTS_AFTER_S = (0.5, 5.0)
"""Of the voice: earlier nobody knows what it is about to say, later the caller is a listener."""
TURNS_A_CALL = (3, 12)


class Way(Enum):
    """How an interruption reaches the server."""

    CANCEL = "cancel"
    """The client hears the caller begin, cancels at once, and sends the turn once it has been spoken."""
    NEW_TURN = "new turn"
    """The client sends the turn once it has been spoken, whatever is still being said."""


@frozen
class Interruption:
    """The caller cuts in `after_s` seconds of the voice."""

    after_s: float
    way: Way


@frozen
class Utterance:
    """What is said, how long saying it takes, and what becomes of the reply."""

    text: str = field(repr=False)
    speaks_s: float
    interruption: Interruption | None
    answers_after_s: float


class Person:
    """One caller. `interrupts`: the share of replies that are cut off."""

    def __init__(self, seed: str, lines: Sequence[str], interrupts: float) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._lines = lines
        self._interrupts = interrupts

    def delay(self, spread_s: float) -> float:
        """When this caller dials: not all at once."""
        return self._chance.uniform(0, spread_s)

    def turns(self) -> int:
        """How many turns the next call has."""
        return self._chance.randint(*TURNS_A_CALL)

    def says(self) -> Utterance:
        """The next utterance."""
        text = self._chance.choice(self._lines)
        shortest, longest = SPEAKS_S
        speaks_s = min(max(len(text.split()) / SPOKEN_WORDS_PER_S, shortest), longest)
        cuts_in = self._chance.random() < self._interrupts
        way, after_s = self._chance.choice(list(Way)), self._chance.uniform(*INTERRUPTS_AFTER_S)
        return Utterance(
            text=text,
            speaks_s=speaks_s,
            interruption=Interruption(after_s, way) if cuts_in else None,
            answers_after_s=self._chance.uniform(*ANSWERS_AFTER_S),
        )


__all__ = ["Interruption", "Person", "Utterance", "Way"]
