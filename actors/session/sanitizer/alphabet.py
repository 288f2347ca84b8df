"""The characters that the stages use between themselves, on top of Unicode text.

Text never holds a surrogate (the pipeline's door replaces them), so the surrogate code points are free to be marks:
a gap with its flags, text that no later rule may touch, a word for a unit. A mark is one character of an ordinary
string, so regular expressions and slices work on it.
"""

_GAP_BASE = 0xDC00
_LINE, _PICTURE, _TAB = 1, 2, 4

SPACE = chr(_GAP_BASE)
LINE = chr(_GAP_BASE | _LINE)
PICTURE = chr(_GAP_BASE | _PICTURE)
TAB = chr(_GAP_BASE | _TAB)
"""Gaps: plain, with a line break in it, left by a picture, and exactly one tab."""

GAPS = "\udc00-\udc07"
"""All gaps, for a character class."""

OPAQUE_FIRST, OPAQUE_LAST = 0xDD00, 0xDEFF
TAG_FIRST, TAG_LAST = 0xDA00, 0xDAFF
TAGS = "\uda00-\udaff"
"""Tags that stay, for a character class: to their neighbours they are nothing, neither letters nor gaps."""

LETTER = "\udf00"
"""No text, but says that a letter follows or came before: the neighbour of a word that ends without a gap."""

PERCENT, DEGREES, FAHRENHEIT, CELSIUS, KELVIN = "\udf01", "\udf02", "\udf03", "\udf04", "\udf05"
UNIT_WORDS = {
    LETTER: "",
    PERCENT: "percent",
    DEGREES: "degrees",
    FAHRENHEIT: "Fahrenheit",
    CELSIUS: "Celsius",
    KELVIN: "Kelvin",
}
"""Marks that stand for a fixed word."""

WORDLIKE = "\udd00-\udeff\udf00-\udf05"
"""Opaque text and unit words, for a character class: to their neighbours they are letters."""

LETTERS = rf"\p{{L}}\p{{M}}{WORDLIKE}"
ALNUM = rf"{LETTERS}\p{{Nd}}"
"""Letters (a mark belongs to its letter), and letters or digits, for a character class of `regex`."""

DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015"
LONG_DASHES = "\u2014\u2015"
OPENERS = "([{\"'\u2018\u201c\u00ab\u2039\u201e\u201a*_~`\\" + "".join(map(chr, range(TAG_FIRST, TAG_LAST + 1)))
"""What may stand before a telephone number in its word: opening brackets, quotes, marks of emphasis, escapes, tags."""

WHITE = {
    code: LINE if code in (0x0A, 0x0D, 0x2028, 0x2029) else TAB if code == 0x09 else SPACE
    for code in (0x09, 0x0A, 0x0D, 0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
}
"""White space (Unicode categories Zs, Zl, Zp, and TAB, LF, CR) to gaps, for `str.translate`."""


def is_gap(char: str) -> bool:
    """Whether this character is a gap mark."""
    return "\udc00" <= char <= "\udc07"


def is_tag(char: str) -> bool:
    """Whether this character stands for a tag that stays."""
    return "\uda00" <= char <= "\udaff"


def merge(one: str, other: str) -> str:
    """One gap for two neighbours; either may be `""`. Two gaps are never "one tab and nothing else"."""
    if not one or not other:
        return one or other
    return chr((ord(one) | ord(other)) & ~_TAB)


def breaks_line(gap: str) -> bool:
    """Whether the gap holds a line break."""
    return bool(ord(gap) & _LINE)


def is_picture(gap: str) -> bool:
    """Whether an emoji, emoticon or kaomoji left the gap, or a part of it."""
    return bool(ord(gap) & _PICTURE)


__all__ = [
    "ALNUM",
    "CELSIUS",
    "DASHES",
    "DEGREES",
    "FAHRENHEIT",
    "GAPS",
    "KELVIN",
    "LETTER",
    "LETTERS",
    "LINE",
    "LONG_DASHES",
    "OPAQUE_FIRST",
    "OPAQUE_LAST",
    "OPENERS",
    "PERCENT",
    "PICTURE",
    "SPACE",
    "TAB",
    "TAGS",
    "TAG_FIRST",
    "TAG_LAST",
    "UNIT_WORDS",
    "WHITE",
    "WORDLIKE",
    "breaks_line",
    "is_gap",
    "is_picture",
    "is_tag",
    "merge",
]
