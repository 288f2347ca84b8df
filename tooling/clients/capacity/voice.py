"""A reply as a listener gets it: spoken sentence by sentence as it comes. Pure arithmetic over arrival times."""

import bisect
import math
import re
from collections.abc import Sequence

from attrs import define, field, frozen

WORDS_PER_S = 4.5
"""A brisk synthetic voice, the same as in the server's `speech_underruns`."""
SENTENCE_WORDS = 15
"""A text without a closing mark is spoken after so many words at the latest: no voice waits for ever."""
_CJK = r"\u3041-\u30ff\u3400-\u9fff"
"""Scripts that put no space between words: each character counts as one."""
_WORD = re.compile(rf"[{_CJK}][^\s\w]*|[^\s{_CJK}]+")
_CLOSED = re.compile(r"[.!?…。！？][\"'”’»)\]}]*$")


@frozen
class Playback:
    """When a reply was spoken, in seconds of the clock of its arrivals.

    `sentence_at`: the first sentence was whole, and the voice began; None if it is not yet, and `ends_at` is long ago.
    `ran_dry`: the voice had to wait within the reply. `words`: for each spoken word where it ends in the text, in
    characters, and the moment at which it has been spoken.
    """

    sentence_at: float | None
    ends_at: float
    ran_dry: bool
    words: tuple[tuple[int, float], ...] = field(repr=False)

    def heard(self, now: float) -> int:
        """How many characters of the text were spoken by `now`."""
        spoken = bisect.bisect_right(self.words, now, key=lambda word: word[1])
        return self.words[spoken - 1][0] if spoken else 0


@define
class Voice:
    """The arrivals of one reply. `closed_at`: its end, once it came."""

    arrivals: list[tuple[str, float]] = field(factory=list)
    closed_at: float | None = None

    def text(self) -> str:
        """What has come so far."""
        return "".join(text for text, _ in self.arrivals)

    def playback(self) -> Playback:
        """How what has come so far is spoken: from the first sentence on, without a pause but where words are late."""
        words = [(found.group(), found.end()) for found in _WORD.finditer(self.text())]
        whole = self._whole_at([end for _, end in words])
        first = next((n for n, (word, _) in enumerate(words) if _CLOSED.search(word) or n + 1 == SENTENCE_WORDS), None)
        if first is None and self.closed_at is not None and words:
            first = len(words) - 1
        if first is None or first >= len(whole):
            return Playback(None, -math.inf, ran_dry=False, words=())
        begins = clock = whole[first]
        dry, spoken = False, []
        for (_, end), at in zip(words, whole, strict=False):
            dry = dry or at > clock
            clock = max(clock, at) + 1 / WORDS_PER_S
            spoken.append((end, clock))
        return Playback(begins, clock, dry, tuple(spoken))

    def _whole_at(self, ends: Sequence[int]) -> list[float]:
        """When each word was whole: with the character behind it, the last one with the end of the reply."""
        length, arrivals, whole = 0, iter(self.arrivals), list[float]()
        at = -math.inf
        for end in ends:
            while length <= end:
                following = next(arrivals, None)
                if following is None:
                    return whole if self.closed_at is None else [*whole, self.closed_at]
                text, at = following
                length += len(text)
            whole.append(at)
        return whole


__all__ = ["SENTENCE_WORDS", "WORDS_PER_S", "Playback", "Voice"]
