"""Text that cannot command a terminal: what would move its cursor or set its clipboard is shown as a sign, or gone."""

import re

# Of the C0 controls only tab and newline mean text; ESC and the C1 controls begin the sequences that terminals obey.
# The bidirectional overrides make a line read differently from what it says. Half a surrogate pair cannot be encoded.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PICTURES = 0x2400  # U+2400 to U+2420 are pictures of U+0000 to U+0020


def visible(text: str) -> str:
    """The text with a sign for every control character but tab and newline; carriage returns are dropped.

    Character by character, so that a text may come in any pieces.
    """
    return _CONTROL.sub(_sign, text)


def typed(text: str) -> str:
    """What somebody meant to say: the text without control characters, its line ends as newlines."""
    ends = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub(lambda found: "\ufffd" if _is_half(found[0]) else "", ends)


def encodable(text: str) -> str:
    """The text with U+FFFD for halves of surrogate pairs, which JSON can name and UTF-8 cannot hold."""
    return "".join("\ufffd" if _is_half(letter) else letter for letter in text) if not text.isascii() else text


def _sign(found: re.Match[str]) -> str:
    letter = found[0]
    if letter == "\r":
        return ""
    if letter < " ":
        return chr(_PICTURES + ord(letter))
    if letter == "\x7f":
        return "\u2421"
    return "\ufffd" if _is_half(letter) else f"<U+{ord(letter):04X}>"


def _is_half(letter: str) -> bool:
    return "\ud800" <= letter <= "\udfff"


__all__ = ["encodable", "typed", "visible"]
