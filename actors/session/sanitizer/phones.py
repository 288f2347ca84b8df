"""Rules 8 and 29: international telephone numbers."""

import re
import unicodedata

import phonenumbers
from attrs import define, field
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber

from actors.session.sanitizer.alphabet import SPACE
from actors.session.sanitizer.opaque import Opaque

_MOST_DIGITS = 15
"""E.164: the most digits of an international number."""

_MOST_SEPARATORS = 2
_SEPARATORS = frozenset(f"{SPACE}-\u2010\u2011.()")
_BETWEEN_BRACKETS = f"){SPACE}("
"""Three separators that are one all the same: `(+44) (0)20`."""

_GROUP_END = re.compile(r"\d(?!\d)")
_TRUNK = re.compile(rf"(\+\d{{1,3}}[{SPACE}.)\-\u2010\u2011]*)\(0\)")
"""A country code and the zero that is dialled inside the country only."""

_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

PhoneMetadata.load_all()  # at start-up, so that the first candidate of a conversation does not read files


def _least_digits() -> dict[str, int]:
    """The fewest digits of a number by calling code, the code included (from the library's own tables)."""
    least = {}
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        tables = [PhoneMetadata.metadata_for_region_or_calling_code(code, region) for region in regions]
        lengths = [
            length for table in tables if table and table.general_desc for length in table.general_desc.possible_length
        ]
        least[str(code)] = len(str(code)) + min(lengths)
    return least


_LEAST = _least_digits()


def _long_enough(digits: str) -> bool:
    """Whether asking the library is worth it: most prefixes are too short for their country."""
    code = next((digits[:size] for size in (1, 2, 3) if digits[:size] in _LEAST), None)
    return code is not None and len(digits) >= _LEAST[code]


def _number(candidate: str) -> PhoneNumber | None:
    """What the candidate dials, None if it is no number."""
    if not _long_enough(_digits(candidate)):
        return None
    try:
        number = phonenumbers.parse(candidate.replace(SPACE, " "), None)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(char)) for char in text if char.isdecimal())


def _dialled(candidate: str) -> str | None:
    """The digits of a valid number, without the `(0)` behind its country code unless it is part of the number."""
    number = _number(candidate)
    trunk = _TRUNK.match(candidate)
    if trunk and _digits(trunk[1]) in _LEAST and not (number and number.italian_leading_zero):
        shorter = trunk[1] + candidate[trunk.end() :]
        if _number(shorter):
            return _digits(shorter)
    return _digits(candidate) if number else None


def _unmatched(text: str) -> tuple[int, int]:
    """How many brackets close what was opened before the text, and how many it leaves open."""
    closing = opened = 0
    for char in text:
        if char == "(":
            opened += 1
        elif char == ")" and opened:
            opened -= 1
        elif char == ")":
            closing += 1
    return closing, opened


def _spoken(digits: str) -> str:
    return " ".join(["plus", *(_NAMES[int(digit)] for digit in digits)])


@define
class Phones:
    """Reads `+` and what may be a telephone number, and hides a valid one as the words to say.

    `surplus` counts the characters that became one mark, `closed` the brackets before its `+` that closed inside it;
    their reader sets them back.
    """

    opaque: Opaque
    surplus: int = 0
    closed: int = 0
    _open: int = field(default=0, init=False)
    _held: str = field(default="", init=False)
    _digits: int = field(default=0, init=False)
    _separators: int = field(default=0, init=False)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._held)

    def feed(self, char: str, *, at_start: bool, brackets: int) -> str:
        """The text as far as it is decided, this character last.

        `at_start`: a word may start here. `brackets`: those that were opened in front of it, in the same word.
        """
        if not self._held:
            if char != "+" or not at_start:
                return char
            self._begin(brackets)
            return ""
        if self._goes_on(char):
            self._held += char
            return ""
        begins = char == "+" and self._held[-1] in (SPACE, "(")  # the next number, right behind this one
        brackets = len(self._held) - len(self._held.rstrip("("))
        known = self._decided(char)
        if not begins:
            return known + char
        self._begin(brackets)
        return known

    def settle(self) -> str:
        """What is held, as ordinary text."""
        held, self._held = self._held, ""
        return held

    def flush(self) -> str:
        """What is held, as if the text ended here."""
        return self._decided("") if self._held else ""

    def _begin(self, brackets: int) -> None:
        self._held, self._digits, self._separators, self._open = "+", 0, 0, brackets

    def _goes_on(self, char: str) -> bool:
        if char.isdecimal():
            self._digits += 1
            self._separators = 0
            return self._digits <= _MOST_DIGITS
        self._separators += 1
        few = self._separators <= _MOST_SEPARATORS or (self._held[-2:] + char) == _BETWEEN_BRACKETS
        return self._digits > 0 and char in _SEPARATORS and few

    def _decided(self, following: str) -> str:
        """The longest valid prefix as a mark, and the rest; the text as it is if there is none."""
        held = self.settle()
        ends = [found.end() for found in _GROUP_END.finditer(held)]
        if ends and ends[-1] == len(held) and following.isalnum():
            ends.pop()
        for end in reversed(ends):
            digits = _dialled(held[:end])
            closed, opened = _unmatched(held[:end])
            rest = end
            while opened and held[rest : rest + 1] == ")":
                rest, opened = rest + 1, opened - 1
            if digits is None or opened or closed > self._open:
                continue  # no number, or one that would take a bracket from its other half
            self.closed = closed
            self.surplus += rest - 1
            return self.opaque.hide(_spoken(digits)) + held[rest:]
        return held


__all__ = ["Phones"]
