"""Rule 19: minus and ranges."""

import re

from attrs import define, field

from actors.session.sanitizer.alphabet import GAPS, LETTER, SPACE, UNIT_WORDS, breaks_line, is_gap, is_tag, merge

_MINUS = f"minus{SPACE}"
_FULL_MINUS = f"{SPACE}minus{SPACE}"
_TO = f"{SPACE}to{SPACE}"
_EN_DASHES = "\u2012\u2013"
_HYPHENS = "-\u2212"
_PARTS = re.compile(rf"[{_HYPHENS}{_EN_DASHES}]|[{GAPS}]+|[^{_HYPHENS}{_EN_DASHES}{GAPS}]+")
_NUMBER = re.compile(r"[$€£¥₹]?\.?\d")
_DIGIT = re.compile(r"\d")
_BEFORE_SIGN = frozenset("([{\"'“‘=~<>:,;")
_UNITS = frozenset(UNIT_WORDS) - {LETTER}


@define
class Signs:
    """Tells sign, subtraction and range apart by what is on both sides; a lone dash after a number waits for that."""

    _before: str = field(default="", init=False)
    _numbered: bool = field(default=False, init=False)
    _gap: str = field(default="", init=False)
    _dash: str = field(default="", init=False)
    _after: str = field(default="", init=False)

    @property
    def calm(self) -> bool:
        """Whether no number came just before, and no dash waits."""
        return not (self._numbered or self._gap or self._dash)

    @property
    def waits(self) -> bool:
        """Whether a dash waits for what follows."""
        return bool(self._dash)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._gap) + len(self._dash) + len(self._after)

    def note(self, piece: str) -> None:
        """The piece, without digits, went past this stage unchanged."""
        self._before = piece[-1:] or self._before

    def feed(self, piece: str) -> str:
        """The piece with its signs and ranges as words."""
        out: list[str] = []
        for found in _PARTS.finditer(piece):
            part = found[0]
            if is_gap(part[0]):
                self._space(part, out)
            elif part in _HYPHENS or part in _EN_DASHES:
                self._sign(part, piece[found.end() :], out)
            else:
                self._text(part, out)
        return "".join(out)

    def settle(self) -> str:
        """A dash that waits, as if no number followed."""
        out: list[str] = []
        self._close("", out)
        return "".join(out)

    def _space(self, gaps: str, out: list[str]) -> None:
        for gap in gaps:
            if self._dash:
                self._after = merge(self._after, gap)
            elif self._numbered:
                self._gap = merge(self._gap, gap)
            else:
                out.append(gap)
                self._before = gap

    def _text(self, text: str, out: list[str]) -> None:
        self._close(text, out)
        unit = text[0] in _UNITS
        numbered = _DIGIT.search(text) is not None
        apart = bool(self._gap) or not self._before or is_gap(self._before)
        self._numbered = numbered or (self._numbered and (unit or not apart))
        out.append(self._gap + text)
        self._gap, self._before = "", text[-1]

    def _sign(self, dash: str, following: str, out: list[str]) -> None:
        self._close(dash, out)
        left = self._gap or self._before
        number = _NUMBER.match(following) is not None
        alone = not following or is_gap(following[0])
        if number and (not left or is_gap(left) or is_tag(left) or left in _BEFORE_SIGN):
            self._word(self._gap + _MINUS, out)
        elif dash in _EN_DASHES:
            if self._numbered and number:
                self._word(_TO, out)
            elif self._numbered and alone:
                self._dash = dash
            else:
                self._word(merge(self._gap, SPACE), out)
        elif alone and self._gap and not breaks_line(self._gap) and self._before.isdecimal():
            self._dash = dash
        else:
            out.append(self._gap + dash)
            self._gap, self._before = "", dash

    def _close(self, following: str, out: list[str]) -> None:
        """What follows the dash that waits is here."""
        if not self._dash:
            return
        dash, self._dash, after = self._dash, "", self._after
        self._after = ""
        one_line = not (after and breaks_line(after)) and not (self._gap and breaks_line(self._gap))
        if dash in _EN_DASHES:
            joined = _TO if one_line and _NUMBER.match(following) else merge(merge(self._gap, SPACE), after)
        elif after and one_line and following[:1].isdecimal():
            joined = _FULL_MINUS
        else:
            joined = self._gap + dash + after
        self._word(joined, out)
        self._before = joined[-1]

    def _word(self, text: str, out: list[str]) -> None:
        out.append(text)
        self._gap, self._before, self._numbered = "", SPACE, False


__all__ = ["Signs"]
