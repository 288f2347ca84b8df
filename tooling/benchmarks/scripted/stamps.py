"""Moments as words, so that a token tells when its engine step was: five syllables, which no sanitizer touches.

All processes of a machine share the clock (CLOCK_MONOTONIC), so a client can take the difference.
"""

import re
import time

SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnprstvwxyz" for vowel in "aeiou"]
COUNT = len(SYLLABLES)
LENGTH = 5
WRAPS = COUNT**LENGTH
"""Microseconds after which the words begin again: nearly three hours."""
_NUMBERS = {syllable: number for number, syllable in enumerate(SYLLABLES)}
_STAMP = re.compile("[a-z]{10}")


def stamp() -> str:
    """Now, as a word with a space before it, as a model's tokens have it."""
    rest = time.monotonic_ns() // 1000 % WRAPS
    word = ""
    for _ in range(LENGTH):
        rest, digit = divmod(rest, COUNT)
        word = SYLLABLES[digit] + word
    return f" {word}"


def moments(text: str) -> list[int]:
    """The moments of the words of a text in microseconds, modulo `WRAPS`."""
    return [_moment(word) for word in _STAMP.findall(text.lower())]


def _moment(word: str) -> int:
    value = 0
    for at in range(0, 2 * LENGTH, 2):
        value = value * COUNT + _NUMBERS[word[at : at + 2]]
    return value


__all__ = ["WRAPS", "moments", "stamp"]
