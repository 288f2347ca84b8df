"""Rule 25: where a formula begins and ends."""

from collections.abc import Callable

from attrs import define, field

from actors.session.sanitizer.alphabet import breaks_line, is_gap
from actors.session.sanitizer.markdown.mathematics import Formula

_LONGEST = 512
"""Characters after which a formula that was opened alone is taken for none: `$$` is also a price range."""

_SIGNS = frozenset("+-\u2212\u2010\u2011\u2012\u2013")


@define
class Formulas:
    r"""Says `$…$`, `$$…$$`, `\(…\)` and `\[…\]` without their delimiters; money and paths stay.

    Only `$…$` waits for its end. The others are dropped one by one; what follows an opening one is a formula up to a
    closing one, `\(` at most to the line's end. `in_literal` says whether a character belongs to an address or a path.
    """

    in_literal: Callable[[str], bool]
    english: bool = True
    _held: str = field(default="", init=False)
    _ended: bool = field(default=False, init=False)
    _formula: Formula | None = field(default=None, init=False)
    _inline: bool = field(default=False, init=False)
    _left: int = field(default=0, init=False)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._held) + (self._formula.held if self._formula else 0)

    @property
    def busy(self) -> bool:
        """Whether the next character means more than itself."""
        return bool(self._held) or self._formula is not None

    def feed(self, text: str) -> str:
        """The text with its formulas as words, as far as it is decided."""
        if not self.busy and "$" not in text and "\\" not in text:
            return text
        out: list[str] = []
        queue = list(reversed(text))
        while queue:
            self._char(queue.pop(), queue, out)
        return "".join(out)

    def settle(self) -> str:
        """The oldest open delimiter as ordinary text."""
        out: list[str] = []
        held, self._held, self._ended = self._held, "", False
        if held:
            self._say(held[0], out)
            return "".join(out) + self.feed(held[1:])
        return self._end()

    def flush(self) -> str:
        """The rest, as if the text ended here."""
        out: list[str] = []
        while self._held:
            if self._ended:
                self._close(out)
            else:
                out.append(self.settle())
        out.append(self._end())
        return "".join(out)

    def _char(self, char: str, queue: list[str], out: list[str]) -> None:
        held = self._held
        if not held:
            if char in "$\\" and (self._formula is not None or not self.in_literal(char)):
                self._held = char
            else:
                self._say(char, out)
        elif held == "\\":
            self._escape(char, queue, out)
        elif held == "$":
            self._dollar(char, queue, out)
        elif self._ended and not char.isdecimal():
            self._close(out)
            queue.append(char)
        else:
            self._held = held + char
            self._ended = char == "$" and not is_gap(held[-1]) and held[-1] != "\\"

    def _escape(self, char: str, queue: list[str], out: list[str]) -> None:
        self._held = ""
        if char in "()[]":
            out.append(self._end())
            if char in "([":
                self._begin(inline=char == "(")
            return
        self._say("\\", out)
        if char == "$":
            self._say(char, out)
        else:
            queue.append(char)

    def _dollar(self, char: str, queue: list[str], out: list[str]) -> None:
        self._held = ""
        if char == "$":
            if self._formula is None:
                self._begin(inline=False)
            else:
                out.append(self._end())
        elif self._formula is not None or is_gap(char) or char.isdecimal() or char == "." or char in _SIGNS:
            self._say("$", out)
            queue.append(char)
        else:
            self._held = "$" + char

    def _close(self, out: list[str]) -> None:
        """The `$…$` that is held is a formula."""
        formula = Formula(self.english)
        out.append(formula.feed(self._held[1:-1]) + formula.flush())
        self._held, self._ended = "", False

    def _begin(self, *, inline: bool) -> None:
        self._formula, self._inline, self._left = Formula(self.english), inline, _LONGEST

    def _end(self) -> str:
        formula, self._formula = self._formula, None
        return formula.flush() if formula else ""

    def _say(self, char: str, out: list[str]) -> None:
        if self._formula is None:
            out.append(char)
            return
        self._left -= 1
        if not self._left or (self._inline and is_gap(char) and breaks_line(char)):
            out.append(self._end() + char)
        else:
            out.append(self._formula.feed(char))


__all__ = ["Formulas"]
