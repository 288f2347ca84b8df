"""Words are put together here; each goes on as one piece once its end has been read."""

import re
from collections.abc import Collection

from attrs import define, field

from actors.session.sanitizer.alphabet import (
    DASHES,
    LETTER,
    LONG_DASHES,
    OPENERS,
    SPACE,
    TAGS,
    WORDLIKE,
    breaks_line,
    is_gap,
    is_tag,
    merge,
)
from actors.session.sanitizer.characters import extends, unspaced
from actors.session.sanitizer.families import Families
from actors.session.sanitizer.opaque import Opaque
from actors.session.sanitizer.words.literals import open_address, open_literal
from actors.session.sanitizer.words.rewrite import TIMES, rewrite

_PLAIN = re.compile(rf"[^{WORDLIKE}{TAGS}]+")
_COLLAPSING = frozenset(".-*")
_MOST_EQUAL = 3
_SHRUG_SO_FAR = re.compile(r"¯\\*_?\(\Z")


@define
class Words:
    """Collects characters up to the end of a word: a gap, an em dash, a grapheme of a script without spaces.

    `word` is what the word has so far. An overlong word is copied; a `*` between two numbers waits for the second one.
    Pieces are whole words or gaps: a function of the characters read, never of how they came.
    """

    opaque: Opaque
    families: Families
    word: str = ""
    after_letter: bool = False
    after_digit: bool = False
    _alone: bool = field(default=False, init=False)
    _overlong: bool = field(default=False, init=False)
    _dash: bool = field(default=False, init=False)
    _star: bool = field(default=False, init=False)
    _gap: str = field(default="", init=False)
    _stars: Collection[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._stars = ("*", "\\*") if self.families.markdown else ("*",)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self.word) + (1 + bool(self._gap) if self._star else 0)

    @property
    def idle(self) -> bool:
        """Whether a letter only makes the word longer, or starts one."""
        return not (self._alone or self._overlong or self._dash or self._star)

    @property
    def at_start(self) -> bool:
        """Whether the next character would be the first of its word, opening brackets and quotes aside."""
        return not self._overlong and (self._alone or not self.word.strip(OPENERS))

    def in_literal(self, following: str) -> bool:
        """Whether the word, with this behind it, ends inside an address, a path or an overlong word."""
        at = next((at for at, char in enumerate(following) if is_gap(char)), -1)
        if at >= 0:
            return open_literal(following[at + 1 :])
        return self._overlong or open_literal(self.word + following)

    def drop_bracket(self) -> None:
        """The other half of the last bracket that was opened went with a telephone number."""
        at = self.word.rfind("(")
        if at >= 0:
            self.word = self.word[:at] + self.word[at + 1 :]

    def feed(self, text: str) -> list[str]:
        """The pieces that are complete now."""
        out: list[str] = []
        for char in text:
            if is_gap(char):
                self._space(char, out)
            else:
                self._char(char, out)
        return out

    def pass_word(self) -> None:
        """Plain words and a space went past this stage."""
        self.after_digit = False
        self._gap = SPACE

    def dump(self) -> list[str]:
        """The word grew too long: what there is of it goes out as it is, and the rest is copied."""
        out: list[str] = []
        if self._star:
            self._close_star("", out)
        if self.word:
            out.append(_PLAIN.sub(lambda found: self.opaque.hide(found[0]), self.word))
            self._overlong = any(not is_tag(char) for char in self.word)  # a long tag makes no long word
            self.word, self._alone = "", False
            self.after_letter = self.after_digit = False
        return out

    def flush(self) -> list[str]:
        """The rest, as if the text ended here."""
        out: list[str] = []
        if self._star:
            self._close_star("", out)
        self._end(out)
        return out

    def _space(self, gap: str, out: list[str]) -> None:
        if self._star:
            self._gap = merge(self._gap, gap)
            return
        if self.word in self._stars and self._starts_sum():
            self.word, self._star, self._gap, self.after_digit = "", True, gap, False
            return
        if self.word:
            self._end(out)
            self._gap = ""
        self._overlong = self._dash = self.after_letter = False
        self._gap = merge(self._gap, gap)
        out.append(gap)

    def _starts_sum(self) -> bool:
        sums = self.families.numbers and self.families.english
        return sums and self.after_digit and bool(self._gap) and not breaks_line(self._gap)

    def _char(self, char: str, out: list[str]) -> None:
        if self._star:
            self._close_star(char, out)
        if self._dash:
            if char in DASHES:
                return
            self._dash = False
        if self._alone:
            if extends(char):
                self.word += char
                return
            self._end(out, before_letter=True)
        if char in LONG_DASHES and not open_literal(self.word):
            self._long_dash(char, out)
        elif unspaced(char) and not _SHRUG_SO_FAR.search(self.word) and not open_literal(self.word):
            self._end(out, before_letter=True)
            self._overlong, self._alone, self.word = False, True, char
        elif self._overlong:
            out.append(char if is_tag(char) else self.opaque.hide(char))
        elif not self._repeats(char):
            self.word += char

    def _repeats(self, char: str) -> bool:
        """Whether it is the fourth of equal dots, hyphens or asterisks; addresses keep theirs."""
        return char in _COLLAPSING and self.word.endswith(char * _MOST_EQUAL) and not open_address(self.word)

    def _long_dash(self, char: str, out: list[str]) -> None:
        self._overlong = False
        if not self.families.markdown:
            self.word += char
            self._end(out)
            return
        self.word += char
        self._end(out)
        self._dash = True

    def _close_star(self, following: str, out: list[str]) -> None:
        """The second number came, or something else."""
        times = following.isdecimal() and not breaks_line(self._gap)
        star = TIMES if times else self._gap if self.families.markdown else "*" + self._gap
        self._star, self._gap = False, ""
        out.append(star)

    def _end(self, out: list[str], *, before_letter: bool = False) -> None:
        if not self.word:
            return
        if self._alone:
            piece = self.word
        else:
            piece = rewrite(
                self.word, self.opaque, self.families, after_letter=self.after_letter, before_letter=before_letter
            )
        self.after_letter = self._alone and before_letter
        self.after_digit = piece[-1:].isdecimal()
        self.word, self._alone = "", False
        out.append(piece + LETTER if before_letter else piece)


__all__ = ["Words"]
