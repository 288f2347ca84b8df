"""Rule 18: degrees and per cent."""

import re

import regex
from attrs import define, field

from actors.session.sanitizer.alphabet import (
    ALNUM,
    CELSIUS,
    DEGREES,
    FAHRENHEIT,
    GAPS,
    KELVIN,
    PERCENT,
    SPACE,
    is_gap,
    merge,
)

_PARTS = re.compile(rf"[°%]|[{GAPS}]+|[^°%{GAPS}]+")
_SCALE = regex.compile(rf"[FCKfck](?![{ALNUM}])")
_SCALES = {"f": FAHRENHEIT, "c": CELSIUS, "k": KELVIN}
_SPELLED = regex.compile(rf"[{ALNUM}]")


@define
class Units:
    """Says the unit. The word is out at once; after a degree sign its scale may follow, also after one space."""

    _sign: str = field(default="", init=False)
    _gap: str = field(default="", init=False)

    @property
    def calm(self) -> bool:
        """Whether no unit is open."""
        return not self._sign

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._gap)

    def feed(self, piece: str) -> str:
        """The piece with its units as words."""
        out: list[str] = []
        for found in _PARTS.finditer(piece):
            part = found[0]
            if is_gap(part[0]):
                self._space(part, out)
            elif part in ("°", "%"):
                self._unit(part, out)
            else:
                self._text(part, out)
        return "".join(out)

    def _space(self, gaps: str, out: list[str]) -> None:
        if not self._sign:
            out.append(gaps)
            return
        for gap in gaps:
            self._gap = merge(self._gap, gap)

    def _unit(self, sign: str, out: list[str]) -> None:
        out.append(self._gap + SPACE + (DEGREES if sign == "°" else PERCENT))
        self._sign, self._gap = sign, ""

    def _text(self, text: str, out: list[str]) -> None:
        scaled = self._sign == "°" and self._gap in ("", SPACE) and _SCALE.match(text) is not None
        if scaled:
            out.append(SPACE + _SCALES[text[0].lower()] + text[1:])
        elif self._sign and not self._gap and _SPELLED.match(text):
            out.append(SPACE + text)
        else:
            out.append(self._gap + text)
        self._sign = self._gap = ""


__all__ = ["Units"]
