"""Rules 18 and 26: degrees, per cent and rates."""

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
    LETTERS,
    PERCENT,
    SPACE,
    breaks_line,
    is_gap,
    merge,
)

_PARTS = re.compile(rf"[°%]|[{GAPS}]+|[^°%{GAPS}]+")
_SCALE = regex.compile(rf"[FCKfck](?![{ALNUM}])")
_SCALES = {"f": FAHRENHEIT, "c": CELSIUS, "k": KELVIN}
_SPELLED = regex.compile(rf"[{ALNUM}]")

_ONE_SIGN = str.maketrans({"℃": "°C", "℉": "°F"})
_RING = regex.compile(rf"[º˚](?=[CF](?![{ALNUM}]))|(?<=\p{{Nd}})˚(?![{ALNUM}])")
"""What looks like a degree sign and stands for one; elsewhere `º` is an ordinal's."""

_MAY_RING = re.compile("[℃℉º˚]")

_RATES = {
    "km/h": ("kilometer", "kilometers", "hour"),
    "m/s": ("meter", "meters", "second"),
    "km/s": ("kilometer", "kilometers", "second"),
    "mi/h": ("mile", "miles", "hour"),
    "m/min": ("meter", "meters", "minute"),
    "l/min": ("liter", "liters", "minute"),
    "kbit/s": ("kilobit", "kilobits", "second"),
    "Mbit/s": ("megabit", "megabits", "second"),
    "kB/s": ("kilobyte", "kilobytes", "second"),
    "MB/s": ("megabyte", "megabytes", "second"),
}
_RATE = rf"(?P<rate>{'|'.join(_RATES)})(?![{ALNUM}/^*²³])"
_NUMBER = rf"(?<![{LETTERS}\d])(?P<number>(?:\d++[.,])*+\d++)"
_NEXT_RATE = regex.compile(_RATE)
_COUNTED = regex.compile(rf"{_NUMBER}\Z")
_GLUED = regex.compile(_NUMBER + _RATE)


@define
class Units:
    """Says the unit. The word is out at once; after a degree sign its scale may follow, also after one space.

    A rate is one behind a number, in the same word or the one before.
    """

    _sign: str = field(default="", init=False)
    _gap: str = field(default="", init=False)
    _number: str = field(default="", init=False)

    @property
    def calm(self) -> bool:
        """Whether no unit is open, and no number came just before."""
        return not (self._sign or self._number)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._gap)

    def feed(self, piece: str) -> str:
        """The piece with its units as words."""
        if _MAY_RING.search(piece):
            piece = _RING.sub("°", piece.translate(_ONE_SIGN))
        out: list[str] = []
        for found in _PARTS.finditer(piece):
            part = found[0]
            if is_gap(part[0]):
                self._space(part, out)
            elif part in ("°", "%"):
                self._unit(part, out)
            else:
                self._text(self._rated(part), out)
        return "".join(out)

    def _space(self, gaps: str, out: list[str]) -> None:
        if self._number and any(map(breaks_line, gaps)):
            self._number = ""
        if not self._sign:
            out.append(gaps)
            return
        for gap in gaps:
            self._gap = merge(self._gap, gap)

    def _unit(self, sign: str, out: list[str]) -> None:
        out.append(self._gap + SPACE + (DEGREES if sign == "°" else PERCENT))
        self._sign, self._gap, self._number = sign, "", ""

    def _rated(self, text: str) -> str:
        """The text with its rate as words; and whether it ends in a number, for the text after it."""
        number, self._number = self._number, ""
        said = ""
        if number and (found := _NEXT_RATE.match(text)):
            said, text = _spoken(found["rate"], number), text[found.end() :]
        text = _GLUED.sub(lambda found: found["number"] + SPACE + _spoken(found["rate"], found["number"]), text)
        if counted := _COUNTED.search(text):
            self._number = counted["number"]
        return said + text

    def _text(self, text: str, out: list[str]) -> None:
        scaled = self._sign == "°" and self._gap in ("", SPACE) and _SCALE.match(text) is not None
        if scaled:
            out.append(SPACE + _SCALES[text[0].lower()] + text[1:])
        elif self._sign and not self._gap and _SPELLED.match(text):
            out.append(SPACE + text)
        else:
            out.append(self._gap + text)
        self._sign = self._gap = ""


def _spoken(rate: str, number: str) -> str:
    one, many, per = _RATES[rate]
    return SPACE.join((one if number == "1" else many, "per", per))


__all__ = ["Units"]
