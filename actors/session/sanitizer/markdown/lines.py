"""Rule 24: what a line begins with."""

from attrs import define, field

from actors.session.sanitizer.alphabet import breaks_line, is_gap, merge
from actors.session.sanitizer.markdown.tables import Row

_MOST_HASHES = 6
_FENCE = 3
"""Backticks or tildes in a row that make a fence."""

_UNDERLINE = 2
"""Equals signs in a row that underline a heading; a single one alone on its line is one of a sum."""

_BULLETS = frozenset("-*+")
_BOX = "[", "xX", "]"
"""The box of a task, with a mark or white space in it: `- [x]`."""

_MARKS = frozenset("#>=`~|") | _BULLETS
_INVISIBLE = frozenset("\u200b\u2060\ufeff")
_NO_QUOTE = frozenset("=_.<")
"""What makes `>` at a line's start a comparison or a face."""


@define
class Lines:
    """Drops the marks of headings, quotations and tasks, fences and underlines, and reads the rows of tables."""

    _at_start: bool = field(default=True, init=False)
    _held: str = field(default="", init=False)
    _gap: str = field(default="", init=False)
    _gone: bool = field(default=False, init=False)
    _row: Row | None = field(default=None, init=False)
    _bullet: bool = field(default=False, init=False)
    _apart: bool = field(default=False, init=False)

    @property
    def held(self) -> int:
        """Characters that wait here; those of a long underline are known to vanish."""
        waiting = 0 if self._gone else len(self._held) + len(self._gap)
        return waiting + (self._row.held if self._row else 0)

    @property
    def busy(self) -> bool:
        """Whether the next character means more than itself."""
        return self._at_start or self._bullet or (self._row is not None and self._row.busy)

    @property
    def _boxed(self) -> bool:
        """Whether a whole box waits for the white space behind it."""
        return self._bullet and len(self._held) == len(_BOX)

    def feed(self, text: str) -> str:
        """The text without marks at its lines' starts, as far as it is decided."""
        plain = len(text) == 1 and self._row is None and not (self._held or self._bullet)
        if plain and (not self._at_start or text not in _MARKS):
            if not is_gap(text):
                self._at_start = self._at_start and text in _INVISIBLE
            elif breaks_line(text):
                self._at_start = True
            return text
        out: list[str] = []
        for char in text:
            self._char(char, out)
        return "".join(out)

    def settle(self) -> str:
        """What waits, as ordinary text; an underline as long as that is one."""
        if self._row is not None:
            return self._row.settle()
        if self._held.startswith("="):
            self._gone = True
            return ""
        out: list[str] = []
        self._text("", out)
        return "".join(out)

    def flush(self) -> str:
        """The rest, as if the text ended here."""
        if self._row is not None:
            return self._row.end()
        boxed, held, self._held = self._boxed, self._held, ""
        return "" if boxed or self._ends_line(held) else held

    def _char(self, char: str, out: list[str]) -> None:
        gap = is_gap(char)
        if gap and breaks_line(char):
            self._break(char, out)
        elif self._row is not None:
            out.append(self._row.feed(char))
        elif self._bullet:
            self._behind_bullet(char, out, gap=gap)
        elif not self._at_start:
            out.append(char)
        elif self._held:
            self._grow(char, out, gap=gap)
        elif gap or char in _INVISIBLE:
            out.append(char)
        elif char in "#>=`~":
            self._held = char
        elif char == "|":
            self._row, self._at_start = Row(), False
        else:
            self._text(char, out)
            self._bullet = char in _BULLETS

    def _break(self, gap: str, out: list[str]) -> None:
        if self._row is not None:
            out.append(self._row.end())
            self._row = None
        elif self._held and not (self._gone or self._held[0] == "#" or self._boxed or self._ends_line(self._held)):
            out.append(self._held)
        self._held, self._gap, self._gone, self._at_start = "", "", False, True
        self._bullet = self._apart = False
        out.append(gap)

    def _ends_line(self, mark: str) -> bool:
        """Whether what waits is a mark if the text ends here."""
        if mark[:1] == "=":
            return len(mark) >= _UNDERLINE
        if mark[:1] in ("`", "~"):
            return mark.startswith(mark[0] * _FENCE)
        return mark[:1] == ">"

    def _grow(self, char: str, out: list[str], *, gap: bool) -> None:
        mark = self._held[0]
        if mark == "#":
            self._heading(char, out, gap=gap)
        elif mark == ">":
            if char in _NO_QUOTE:
                self._text(char, out)
            else:
                self._held = ""
                self._char(char, out)
        elif mark == "=":
            self._underline(char, out, gap=gap)
        elif char == mark and self._held.strip(mark):
            self._text(char, out)  # a backtick in the line of a fence: it is code within a line
        elif char == mark or self._held.startswith(mark * _FENCE):
            self._held += char
        else:
            self._text(char, out)

    def _heading(self, char: str, out: list[str], *, gap: bool) -> None:
        if gap:
            self._held, self._at_start = "", False
            out.append(char)
        elif char == "#" and len(self._held) < _MOST_HASHES:
            self._held += char
        else:
            self._text(char, out)

    def _behind_bullet(self, char: str, out: list[str], *, gap: bool) -> None:
        """White space behind a bullet, and the box of a task."""
        at = len(self._held)
        if not at and gap:
            self._apart = True
            out.append(char)
        elif self._boxed and gap:
            self._held, self._bullet, self._apart = "", False, False
            out.append(char)
        elif self._apart and at < len(_BOX) and (char in _BOX[at] or (gap and at == 1)):
            self._held += char
        else:
            self._text(char, out)
            self._bullet = self._apart = False

    def _underline(self, char: str, out: list[str], *, gap: bool) -> None:
        if gap:
            self._gap = merge(self._gap, char)
        elif char == "=" and not self._gap:
            self._held += "" if self._gone else char
        elif self._gone:
            self._held, self._gone = "", False
            self._text(char, out)
        else:
            self._text(char, out)

    def _text(self, char: str, out: list[str]) -> None:
        """No mark, or none any more: what waited, and this character."""
        out.append(self._held + self._gap + char)
        self._held, self._gap, self._at_start = "", "", False


__all__ = ["Lines"]
