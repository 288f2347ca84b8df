"""What kind of character it is, as far as rules 6 and 7 care."""

import enum
import unicodedata
from functools import lru_cache

from actors.session.sanitizer.alphabet import is_gap

ZWNJ, ZWJ = "\u200c", "\u200d"
EMOJI_SELECTOR = "\ufe0f"

_VANISHING = frozenset("\u200b\u2060\ufeff")
_KEY_BASES = frozenset("0123456789#*")
_EMOJI = (
    range(0x1F000, 0x1FB00),
    range(0x2600, 0x27C0),
    range(0x23E9, 0x23FB),
    frozenset((0x2B05, 0x2B06, 0x2B07, 0x2B1B, 0x2B1C, 0x2B50, 0x2B55, 0x231A, 0x231B, 0x25FD, 0x25FE)),
)
_SELECTABLE = frozenset("‼⁉〰ℹ")
_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_TAG_CHARACTERS = range(0xE0020, 0xE0080)
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x19E0, 0x19FF),  # Khmer symbols
    (0x2E80, 0x2FDF),  # Han radicals
    (0x3005, 0x3007),  # Han iteration and zero
    (0x3021, 0x3029),  # Han numerals
    (0x3031, 0x3035),  # kana repeat marks
    (0x3038, 0x303C),  # Han numerals
    (0x3041, 0x30FF),  # kana
    (0x31F0, 0x31FF),  # kana extension
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),  # Han
    (0xA9E0, 0xA9FF),  # Burmese
    (0xAA60, 0xAA7F),  # Burmese
    (0xF900, 0xFAFF),  # Han
    (0xFF66, 0xFF9F),  # kana, half width
    (0x1AFF0, 0x1B16F),  # kana
    (0x20000, 0x3FFFF),  # Han
)
"""Blocks of scripts written without spaces (Unicode's Blocks.txt)."""


class Kind(enum.IntEnum):
    """Kinds of characters; `LETTER` and `MARK` are Unicode's L and M, `SYMBOL` is S."""

    OTHER = 0
    LETTER = 1
    MARK = 2
    GAP = 3
    EMOJI = 4
    SYMBOL = 5
    KEY_BASE = 6
    KEYCAP = 7
    SELECTOR = 8
    JOINER = 9
    VANISHING = 10


@lru_cache(maxsize=8192)
def kind(char: str) -> Kind:
    """The kind of one character."""
    if is_gap(char):
        return Kind.GAP
    if char in _KEY_BASES:
        return Kind.KEY_BASE
    code = ord(char)
    if any(code in codes for codes in _EMOJI):
        return Kind.EMOJI
    if char in _SELECTABLE:
        return Kind.SYMBOL
    return _invisible(char, code) or _by_category(char)


def _invisible(char: str, code: int) -> Kind | None:
    if char == "\u20e3":
        return Kind.KEYCAP
    if char in (ZWNJ, ZWJ):
        return Kind.JOINER
    if any(code in codes for codes in _SELECTORS):
        return Kind.SELECTOR
    if char in _VANISHING or code in _TAG_CHARACTERS or unicodedata.category(char) == "Cc":
        return Kind.VANISHING
    return None


def _by_category(char: str) -> Kind:
    match unicodedata.category(char)[0]:
        case "L":
            return Kind.LETTER
        case "M":
            return Kind.MARK
        case "S":
            return Kind.SYMBOL
        case _:
            return Kind.OTHER


@lru_cache(maxsize=8192)
def unspaced(char: str) -> bool:
    """Whether it is a letter of a script written without spaces: its grapheme is a word of its own."""
    code = ord(char)
    return any(low <= code <= high for low, high in _UNSPACED) and unicodedata.category(char)[0] == "L"


@lru_cache(maxsize=8192)
def extends(char: str) -> bool:
    """Whether it belongs to the grapheme before it: a mark or a joiner."""
    return char in (ZWNJ, ZWJ) or unicodedata.category(char)[0] == "M"


__all__ = ["EMOJI_SELECTOR", "ZWJ", "ZWNJ", "Kind", "extends", "kind", "unspaced"]
