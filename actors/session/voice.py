"""Whether a voice would have run dry: the reply as it comes, beside somebody who speaks it.

The number that a voice operator cares about. Pure; one per turn.
"""

from attrs import define

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
    _said_until: float | None = None
    _in_word: bool = False

    @property
    def speaks(self) -> bool:
        """Whether it has had anything to say."""
        return self._said_until is not None

    def hear(self, text: str, now: float) -> None:
        """New text of the reply, at `now` (seconds)."""
        words = text.count(" ") + text.count("\n")
        if not text.isascii():
            words += sum(map(_is_word, text))
        if words:
            self._say(words, now)
        self._in_word = text[-1:] not in " \n"

    def end(self, now: float) -> None:
        """Nothing more comes: the last word is whole."""
        if self._in_word:
            self._in_word = False
            self._say(1, now)

    def _say(self, words: int, now: float) -> None:
        until = self._said_until
        if until is None:
            until = now
        elif now > until:
            self.pauses += 1
            self.silence_s += now - until
            until = now
        self._said_until = until + words / WORDS_PER_S


def _is_word(character: str) -> bool:
    """Kana, and Han with its extensions."""
    return "\u3041" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff" or character >= "\U00020000"


__all__ = ["WORDS_PER_S", "Voice"]
