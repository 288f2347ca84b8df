"""Which texts are too near to the held-out ones to be learnt from."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from attrs import define, field

NEAR = 0.75
"""Texts are near duplicates from this share on: the words that both have by the words that either has."""

_FILLERS = frozenset(
    [
        "a",
        "an",
        "and",
        "bro",
        "but",
        "for",
        "hello",
        "hey",
        "hi",
        "hmm",
        "honestly",
        "know",
        "mate",
        "me",
        "now",
        "oh",
        "ok",
        "okay",
        "please",
        "plz",
        "quick",
        "quickly",
        "real",
        "so",
        "thanks",
        "the",
        "then",
        "um",
        "wait",
        "well",
        "yo",
        "you",
    ]
)


def plain(text: str) -> str:
    """Return the words of a text alone, to compare texts by."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def words(text: str) -> frozenset[str]:
    """Return the words that tell a text from others: without fillers, unless it has nothing else."""
    found = frozenset(plain(text).split())
    return found - _FILLERS or found


@define
class KeptOut:
    """Texts that must not be drawn; `text in kept_out` holds for each of them and for its near duplicates."""

    texts: frozenset[str]
    _sizes: Sequence[int] = field(init=False)
    _by_word: dict[str, list[int]] = field(init=False)
    _known: dict[frozenset[str], bool] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        sets = sorted({words(text) for text in self.texts}, key=sorted)
        by_word: dict[str, list[int]] = defaultdict(list)
        for index, one in enumerate(sets):
            for word in one:
                by_word[word].append(index)
        self._sizes, self._by_word = [len(one) for one in sets], dict(by_word)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "KeptOut":
        """Return the ones of these texts, compared by their words alone."""
        return cls(frozenset(map(plain, texts)))

    def __contains__(self, text: str) -> bool:
        return plain(text) in self.texts or self._is_near(words(text))

    def _is_near(self, own: frozenset[str]) -> bool:
        known = self._known.get(own)
        if known is None:
            shared = Counter(index for word in own for index in self._by_word.get(word, ()))
            near = (count / (len(own) + self._sizes[index] - count) >= NEAR for index, count in shared.items())
            known = self._known[own] = any(near)
        return known


__all__ = ["NEAR", "KeptOut", "plain", "words"]
