"""Rule 22: white space, the capital, and the text itself instead of marks."""

import re
import unicodedata

from attrs import define, field

from actors.session.sanitizer.alphabet import (
    GAPS,
    SPACE,
    TAB,
    TAGS,
    UNIT_WORDS,
    WORDLIKE,
    is_gap,
    is_picture,
    is_tag,
    merge,
)
from actors.session.sanitizer.opaque import Opaque

_PARTS = re.compile(rf"[{GAPS}]|[{WORDLIKE}{TAGS}]|[^{GAPS}{WORDLIKE}{TAGS}]+")
_CLOSING = frozenset(",?!")


@define
class Delivery:
    """The last stage. A gap waits until something visible follows it; the first letter gets its capital."""

    opaque: Opaque
    gap: str = ""
    begun: bool = False
    _capital: bool = field(default=True, init=False)
    _paused: bool = field(default=False, init=False)

    @property
    def settled(self) -> bool:
        """Whether text has left and the capital is used up, so that a plain word leaves as it is."""
        return self.begun and not (self._capital or self._paused)

    def feed(self, piece: str) -> str:
        """The text to send."""
        out: list[str] = []
        for found in _PARTS.finditer(piece):
            part = found[0]
            if is_gap(part):
                self.gap = merge(self.gap, part)
                continue
            text, literal = part, False
            if part in UNIT_WORDS:
                text = UNIT_WORDS[part]
            elif is_tag(part):
                out.append(self._spaced(self.opaque.show(part)[0], tag=True))
                continue
            elif "\udd00" <= part[0] <= "\udeff":
                text, literal = self.opaque.show(part)
            if text:
                out.append(self._spaced(text, literal=literal))
        return "".join(out)

    def plain(self, word: str) -> str:
        """The same for one word of letters after the capital is used up; one space follows it."""
        gap, self.gap = self.gap, SPACE
        if not gap:
            return word
        return ("\t" if gap == TAB else " ") + word

    def _spaced(self, text: str, *, literal: bool = False, tag: bool = False) -> str:
        gap, self.gap = self.gap, ""
        if self._capital and not tag:
            text = self._capitalised(text, literal=literal)
        silent = (text[0] in _CLOSING and not is_picture(gap)) if gap else True
        # A gap that came to stand after `...` only by later rules vanishes as one written there does (rule 17).
        silent = silent or not self.begun or (self._paused and text[0] != ".")
        self.begun, self._paused = True, text.endswith("...") and not literal
        if silent:
            return text
        return ("\t" if gap == TAB else " ") + text

    def _capitalised(self, text: str, *, literal: bool) -> str:
        if literal:
            self._capital = False
            return text
        for at, char in enumerate(text):
            if char.isdecimal() or unicodedata.category(char)[0] == "L":
                self._capital = False
                upper = char.upper()
                return text[:at] + (upper if len(upper) == 1 else char) + text[at + 1 :]
        return text


__all__ = ["Delivery"]
