"""Rule 24: a row of a table is its cells with commas between; a divider row vanishes."""

import re

from attrs import define, field

from actors.session.sanitizer.alphabet import SPACE, merge

_DIVIDER = re.compile(r":?-+:?")
_MOST_DASHES = 3


@define
class Row:
    """A line that began with `|`, as it comes, without its line break.

    A cell of one dash may be data or a divider: it waits for a cell of text. Longer dividers vanish one by one.
    """

    _cell: str = field(default="", init=False)
    _gap: str = field(default="", init=False)
    _empty: bool = field(default=True, init=False)
    _dashes: int = field(default=0, init=False)
    _begun: bool = field(default=False, init=False)
    _comma: bool = field(default=False, init=False)
    _escape: bool = field(default=False, init=False)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._cell) + len(self._gap) + 2 * self._dashes + self._escape

    @property
    def busy(self) -> bool:
        """Whether the next character means more than itself."""
        return self._empty or self._escape or bool(self._cell)

    def feed(self, char: str) -> str:
        """The text that is decided by one character; no gap but blanks."""
        out: list[str] = []
        if self._escape:
            self._escape = False
            self._text("|" if char == "|" else "\\", out)
            if char == "|":
                return "".join(out)
        if char == "|":
            self._end_cell(out)
            self._comma, self._empty = self._begun, True
        elif char == "\\":
            self._escape = True
        elif "\udc00" <= char <= "\udc07":
            self._blank(char, out)
        elif char in "-:" and (self._empty or self._cell) and not self._gap:
            self._empty = False
            if not self._cell.endswith("-" * _MOST_DASHES) or char != "-":
                self._cell += char
        else:
            self._text(char, out)
        return "".join(out)

    def settle(self) -> str:
        """What waits, as ordinary text."""
        out: list[str] = []
        self._text("\\" if self._escape else "", out)
        self._escape = False
        return "".join(out)

    def end(self) -> str:
        """The rest, at the end of the line."""
        out: list[str] = []
        if self._escape:
            self._text("\\", out)
        self._end_cell(out)
        return "".join(out)

    def _blank(self, gap: str, out: list[str]) -> None:
        if self._cell:
            self._gap = merge(self._gap, gap)
        elif not self._empty:
            out.append(gap)

    def _end_cell(self, out: list[str]) -> None:
        cell = self._cell
        self._gap = ""
        if cell == "-" and not self._begun:
            self._dashes += 1
        elif cell and (len(cell) == 1 or not _DIVIDER.fullmatch(cell)):
            self._text("", out)
        self._cell = ""

    def _text(self, text: str, out: list[str]) -> None:
        """Text of a cell, after all that waited for it."""
        for _ in range(self._dashes):
            self._part("-", out)
            self._comma = True
        self._dashes = 0
        cell, gap, self._cell, self._gap = self._cell, self._gap, "", ""
        if cell or text:
            self._part(cell + gap + text, out)
            self._empty = False

    def _part(self, text: str, out: list[str]) -> None:
        if self._comma:
            out.append("," + SPACE)
        out.append(text)
        self._begun, self._comma = True, False


__all__ = ["Row"]
