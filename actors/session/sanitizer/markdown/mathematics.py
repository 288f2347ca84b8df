"""Rule 25, inside a formula: TeX as words."""

from attrs import define, field

from actors.session.sanitizer.alphabet import SPACE, is_gap

_MOST_GROUPS = 64
"""Braces whose other half is still known; deeper ones mean nothing."""

_LONGEST_NAME = 32
_LONGEST_NUMBER = 8
_FRACTIONS = frozenset(("frac", "dfrac", "tfrac", "cfrac"))
_POWERS = {"2": "squared", "3": "cubed"}
_ROOTS = {"2": "square", "3": "cube"}
_ROOT_SIGNS = {"2": "√", "3": "∛", "4": "∜"}
_BLANKS = frozenset(",;:! \\")
_CLOSING = frozenset(".,;:!?)]}|'")


def _wordlike(char: str) -> bool:
    """Whether a word after it needs a gap."""
    return char.isalnum() or char in (")", "]", "|", "'", "}")


@define
class Formula:
    """One formula, as it comes. Without `english` it writes signs and no words: `n^2`, `a/b`, `√x`, `a×b`."""

    english: bool = True
    _name: str | None = field(default=None, init=False)
    _wants: str = field(default="", init=False)
    _power: str | None = field(default=None, init=False)
    _braced: bool = field(default=False, init=False)
    _index: str | None = field(default=None, init=False)
    _groups: list[str] = field(factory=list, init=False)
    _apart: bool = field(default=False, init=False)
    _behind: bool = field(default=False, init=False)
    _last: str = field(default="", init=False)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        waiting = len(self._name or "") + len(self._power or "") + len(self._index or "")
        return waiting + (self._name is not None) + (self._power is not None) + bool(self._wants)

    def feed(self, text: str) -> str:
        """The text to say, as far as it is decided."""
        out: list[str] = []
        for char in text:
            if self._name is None or not self._in_command(self._name, char, out):
                self._char(char, out)
        return "".join(out)

    def flush(self) -> str:
        """The rest, as if the formula ended here."""
        out: list[str] = []
        if self._name:
            self._command(self._name, out)
        self._end_power(out)
        if self._wants == "root":
            self._root(out)
        return "".join(out)

    def _in_command(self, name: str, char: str, out: list[str]) -> bool:
        """Whether the character belongs to the command that is being read."""
        if char.isascii() and char.isalpha() and len(name) < _LONGEST_NAME:
            self._name = name + char
            return True
        self._name = None
        if name:
            self._command(name, out)
            return False
        self._settle_power(out)
        if char in _BLANKS or is_gap(char):
            self._gap(SPACE, out)
        else:
            self._write(char, out)
        return True

    def _char(self, char: str, out: list[str]) -> None:
        if char == "\\":
            self._name = ""
        elif self._index is not None:
            self._in_index(char, out)
        elif (self._power is not None and self._in_power(self._power, char, out)) or (
            self._wants and self._argument(char, out)
        ):
            return
        elif char == "^":
            self._power, self._braced = "", False
        elif char == "{":
            self._group("")
        elif char == "}":
            self._close(out)
        elif is_gap(char):
            self._gap(char, out)
        else:
            self._write(char, out)

    def _command(self, name: str, out: list[str]) -> None:
        if self._power == "" and name == "circ":
            self._power = None
            if self._braced:
                self._group("")
            self._write("°", out)
            return
        self._settle_power(out)
        wanted, self._wants = self._wants, ""
        if wanted == "root":
            self._root(out)
        if name in _FRACTIONS:
            self._wants = "numerator"
            self._apart = self._apart or _wordlike(self._last)
        elif name == "sqrt":
            self._wants = "root"
        elif name == "times" and not self.english:
            self._write("×", out)
        else:
            self._word(name, out)
            self._end_argument(wanted, out)

    def _in_power(self, power: str, char: str, out: list[str]) -> bool:
        """Whether the character belongs to the exponent."""
        if char.isdecimal() and len(power) < _LONGEST_NUMBER:
            self._power = power + char
            return True
        if char == "{" and not (power or self._braced):
            self._braced = True
            return True
        if is_gap(char) and not power:
            return True
        closed = char == "}" and self._braced
        if closed:
            self._end_power(out)
        else:
            self._settle_power(out)
        return closed

    def _settle_power(self, out: list[str]) -> None:
        """What comes is not the end of an exponent: one in braces has more to it than its first digits."""
        if not (self._power is not None and self._braced):
            self._end_power(out)
            return
        power, self._power = self._power, None
        self._raise(power, out)
        self._group("power")

    def _end_power(self, out: list[str]) -> None:
        """The exponent is complete; one that has not begun is whatever comes."""
        power, self._power = self._power, None
        if power is None:
            return
        braced, self._braced = self._braced, False
        if self.english and power in _POWERS:
            self._word(_POWERS[power], out)
        elif power or not braced:
            self._raise(power, out)
            self._behind = bool(power)

    def _raise(self, power: str, out: list[str]) -> None:
        """The exponent, or what is known of it."""
        if self.english:
            self._word("to the", out)
        else:
            self._write("^", out)
        for digit in power:
            self._write(digit, out)

    def _argument(self, char: str, out: list[str]) -> bool:
        """Whether the character opens what the command before it wants."""
        wanted = self._wants
        if is_gap(char):
            return True
        if wanted == "root" and char == "[":
            self._index = ""
            return True
        self._wants = ""
        if wanted == "root":
            self._root(out)
        if char == "{":
            self._group(wanted)
            return True
        if not char.isalnum():
            return False
        self._write(char, out)
        self._end_argument(wanted, out)
        return True

    def _in_index(self, char: str, out: list[str]) -> None:
        """Which root it is."""
        index = self._index or ""
        if char != "]" and len(index) < _LONGEST_NUMBER:
            self._index = index + char
            return
        self._index, self._wants = None, "radicand"
        if self.english:
            self._word(f"{_ROOTS.get(index, index + 'th')} root of", out)
        else:
            self._write(_ROOT_SIGNS.get(index, index + "√"), out)

    def _root(self, out: list[str]) -> None:
        if self.english:
            self._word("square root of", out)
        else:
            self._write("√", out)

    def _over(self, out: list[str]) -> None:
        self._wants = "denominator"
        if self.english:
            self._word("over", out)
        else:
            self._write("/", out)

    def _group(self, kind: str) -> None:
        if len(self._groups) < _MOST_GROUPS:
            self._groups.append(kind)

    def _close(self, out: list[str]) -> None:
        if self._groups:
            self._end_argument(self._groups.pop(), out)

    def _end_argument(self, kind: str, out: list[str]) -> None:
        """A letter or digit behind a fraction, a root or an exponent is none of it: `1 over 2 m`."""
        if kind == "numerator":
            self._over(out)
        else:
            self._behind = bool(kind)

    def _word(self, words: str, out: list[str]) -> None:
        if self._apart or _wordlike(self._last):
            out.append(SPACE)
        out.append(words.replace(" ", SPACE))
        self._last, self._apart, self._behind = words[-1], True, False

    def _write(self, char: str, out: list[str]) -> None:
        if (self._apart and char not in _CLOSING) or (self._behind and char.isalnum()):
            out.append(SPACE)
        out.append(char)
        self._last, self._apart, self._behind = char, False, False

    def _gap(self, gap: str, out: list[str]) -> None:
        out.append(gap)
        self._last, self._apart, self._behind = gap, False, False


__all__ = ["Formula"]
