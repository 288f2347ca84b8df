"""Whether a voice would have run dry: the reply as it comes, beside somebody who speaks it.

The number that a voice operator cares about. Pure; one per turn.
"""

import math

from attrs import define, field

WORDS_PER_S = 4.5
"""A brisk synthetic voice. People who talk say 2.5 to 4 words a second: what feeds this voice feeds those too."""


@define
class Voice:
    """Speaks word by word from the first whole one on, `WORDS_PER_S` of them a second, and waits for what is not there.

    A word is there once the space behind it is, the last one with the end of the reply; of scripts that put no space
    between words (Chinese, Japanese) each character counts as one. `pauses`: how often it had to wait inside a reply;
    `silence_s`: for how long, together.
    """

    pauses: int = 0
    silence_s: float = 0.0
    speaks: bool = False
    _said_until: float = -math.inf
    _waiting: list[str] = field(factory=list)
    _in_word: bool = False

    def hear(self, text: str, now: float) -> None:
        """New text of the reply, at `now` (seconds)."""
        if now > self._said_until:
            self._catch_up(now)
            self._say(text, now)
        else:
            # What comes while it still speaks is in time, whatever it is: nothing has to be known of it before then.
            self._waiting.append(text)

    def end(self, now: float) -> None:
        """Nothing more comes: the last word is whole."""
        self._catch_up(now)
        if self._in_word:
            self._in_word = False
            self._speak(1, now)

    def _catch_up(self, now: float) -> None:
        """Speak what came while it spoke."""
        if self._waiting:
            text = "".join(self._waiting)
            self._waiting.clear()
            self._say(text, min(now, self._said_until))

    def _say(self, text: str, now: float) -> None:
        words = text.count(" ") + text.count("\n")
        if not text.isascii():
            words += sum(map(_is_word, text))
        if words:
            self._speak(words, now)
        self._in_word = text[-1:] not in " \n"

    def _speak(self, words: int, now: float) -> None:
        if not self.speaks:
            self.speaks, self._said_until = True, now
        elif now > self._said_until:
            self.pauses += 1
            self.silence_s += now - self._said_until
            self._said_until = now
        self._said_until += words / WORDS_PER_S


def _is_word(character: str) -> bool:
    """Kana, and Han with its extensions."""
    return "\u3041" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff" or character >= "\U00020000"


__all__ = ["WORDS_PER_S", "Voice"]
