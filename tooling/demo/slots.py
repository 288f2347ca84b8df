"""Slots: named lists of values that fill the templates of both demo models."""

import math
import random
import re
from collections.abc import Mapping, Sequence

from attrs import field, frozen

from tooling.demo.files import content_lines

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([a-z0-9]+)(:cap)?\}")


@frozen
class Slots:
    """The values of each slot; `words` are common words for text without sense.

    `invented`: by slot, how often a name that nobody has takes the place of a listed value.
    """

    values: Mapping[str, Sequence[str]]
    words: Sequence[str] = field(repr=False)
    invented: Mapping[str, float] = field(factory=dict)

    def draw(self, slot: str, rng: random.Random) -> str:
        """Return one value. Invented names make sure that copying is learnt rather than a list."""
        if slot == "word":
            return rng.choice(self.words)
        if slot == "words":
            return " ".join(rng.choices(self.words, k=rng.randint(1, 9)))
        if rng.random() < self.invented.get(slot, 0.0):
            return invented_name(rng)
        return rng.choice(self.values[slot])

    def count(self, text: str) -> int:
        """Return about how many texts `fill` makes of one."""
        choices = (match.group(1).count("|") + 1 for match in _CHOICE.finditer(text))
        drawn = (len(self.values.get(match.group(1), self.words)) for match in _SLOT.finditer(text))
        return math.prod(choices) * max(drawn, default=1)

    def fill(self, text: str, chosen: dict[str, str], rng: random.Random) -> str:
        """Replace choices and slots; `chosen` holds the values so far and gets the new ones."""

        def value(match: re.Match[str]) -> str:
            slot, capital = match.groups()
            if slot not in chosen:
                chosen[slot] = self.draw(slot, rng)
            return chosen[slot][:1].upper() + chosen[slot][1:] if capital else chosen[slot]

        text = _CHOICE.sub(lambda match: rng.choice(match.group(1).split("|")), text)
        return _SLOT.sub(value, text)


_ONSETS = (
    "b",
    "d",
    "f",
    "g",
    "h",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "z",
    "br",
    "dr",
    "kr",
    "st",
    "sh",
    "th",
)
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ie")
_CODAS = ("", "", "", "n", "l", "r", "s", "m", "k", "th")


def invented_name(rng: random.Random) -> str:
    """Return a name of two or three syllables that nobody has."""
    syllables = (rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(rng.choice((2, 2, 3))))
    return ("".join(syllables) + rng.choice(_CODAS)).capitalize()


def parse_slots(text: str, words: str = "", invented: Mapping[str, float] | None = None) -> Slots:
    """Read `slot: value | value` lines; `slot: =other` takes over the other's values."""
    values: dict[str, Sequence[str]] = {}
    for line in content_lines(text):
        slot, _, rest = line.partition(":")
        rest = rest.strip()
        values[slot] = values[rest[1:]] if rest.startswith("=") else [value.strip() for value in rest.split("|")]
    return Slots(values, [word for line in content_lines(words) for word in line.split()], invented or {})


__all__ = ["Slots", "invented_name", "parse_slots"]
