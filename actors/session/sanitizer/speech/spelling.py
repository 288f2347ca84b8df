"""Rules 20 and 21: hyphens inside words, and long oohs."""

import re

import regex
from attrs import define, field

from actors.session.sanitizer.alphabet import ALNUM, LETTERS, SPACE

_HYPHENS = r"\-\u2010\u2011"
_HYPHEN = re.compile(rf"[{_HYPHENS}]")
_ENDING = regex.compile(rf"(?:(?<=\p{{Nd}})|(?<=[{LETTERS}][{LETTERS}]))[{_HYPHENS}](?=[sy](?![{ALNUM}_'’{_HYPHENS}]))")
_COMPOUND = regex.compile(rf"(?<=[{LETTERS}])[{_HYPHENS}](?=[{LETTERS}])")
_OOH = regex.compile(rf"(?<![{ALNUM}_])([oO]++)([hH]++)(?![{ALNUM}_])")
_MAY_OOH = re.compile(r"[oO][hH]")
_CONTEXT = 2


def _ooh(found: "regex.Match[str]") -> str:
    vowels, breath = found[1], found[2]
    if len(vowels) <= 2 and len(breath) <= 1:
        return str(found[0])
    return "Ooh" if vowels[0] == "O" else "ooh"


@define
class Spelling:
    """Compounds as words, and one spelling for every long ooh."""

    _before: str = field(default="", init=False)

    def note(self, piece: str) -> None:
        """The piece went past this stage unchanged."""
        self._before = piece[-_CONTEXT:]

    def feed(self, piece: str) -> str:
        """The piece with its hyphens and oohs settled."""
        before, self._before = self._before, (self._before + piece)[-_CONTEXT:]
        text = before + piece
        if _HYPHEN.search(piece):
            text = _COMPOUND.sub(SPACE, _ENDING.sub("", text))
        if _MAY_OOH.search(text):
            text = _OOH.sub(_ooh, text)
        return text[len(before) :]


__all__ = ["Spelling"]
