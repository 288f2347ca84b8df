"""Rules 24 and 11 to 16 on one word: marks, typed-out line breaks, pictures, asterisks, quotes, long dashes."""

import re

import regex

from actors.session.sanitizer.alphabet import (
    ALNUM,
    DASHES,
    GAPS,
    LETTER,
    LETTERS,
    LINE,
    LONG_DASHES,
    PICTURE,
    SPACE,
    WORDLIKE,
)
from actors.session.sanitizer.families import Families
from actors.session.sanitizer.opaque import Opaque
from actors.session.sanitizer.words.emphasis import bare, emphasis
from actors.session.sanitizer.words.literals import protect

TIMES = f"{SPACE}times{SPACE}"

_TYPED = regex.compile(rf"\\n|(?:/n){{2,}}+|(?<!(?<![{ALNUM}])[{ALNUM}])/n(?=[{GAPS}])")
_BOX = re.compile(r"[\u2500-\u257f]")
_SHRUG = re.compile(r"¯\\*_?\(ツ\)\\?_?/¯")
"""Markdown eats its backslash or its underscores, or models double the backslash for that reason."""

_SPELLED = regex.compile(rf"[{ALNUM}]")
_BETWEEN_GAPS = re.compile(rf"([{GAPS}]+)")

_EMOTE = re.compile(r"(?<!\*)\*(?:smirk|wink|laugh|smile|frown|giggle)s?\*(?!\*)", re.IGNORECASE | re.ASCII)
_TIMES = regex.compile(r"(?<=\p{Nd})\*(?=\p{Nd})")
_APART = regex.compile(rf"(?<=[{ALNUM}])\*++(?=[{ALNUM}])")
_SUM = re.compile(r"(?<=\d)\*(?=\d)")

_APOSTROPHE = regex.compile(rf"(?<=[{LETTERS}])\\++'(?=[{LETTERS}])")
_ESCAPED_MARK = regex.compile(rf"(?<![:;=]'?[-^]?)(?<!\\)\\(?=[*_#~`>|+!{{}}$&%^<@=-]|(?<=\p{{Nd}}\\)\.|[{WORDLIKE}])")
"""The backslash that keeps a mark of Markdown from being one; not the mouth of an emoticon."""

_ESCAPED = re.compile(r"\\+[\"']")

_EMOTICON = regex.compile(
    rf"""(?<![{ALNUM}])(?:
        >?[:;]'?[-^]?(?:\)++|(?:\(++|[Dd]++|[Pp]++|[/\\|](?![/\\|])|[oO3])(?![{ALNUM}]))
        |=(?:\)++|(?:\(++|D++|[Pp]++)(?![{ALNUM}]))
        |(?:</?3|\^[_-]?\^|[Tt]_[Tt]|[Xx][Dd]++)(?![{ALNUM}])
    )""",
    regex.VERBOSE,
)
_MAY_SMILE = re.compile(r"[:;=^]|<[3/]|[Tt]_|[Xx][Dd]")
_DASHES = re.compile(rf"[{DASHES}]{{2,}}|[{LONG_DASHES}]")


def _pictures(text: str) -> str:
    if not _BOX.search(text):
        return text
    words = _BETWEEN_GAPS.split(text)
    drawn = [PICTURE if _BOX.search(word) and not _SPELLED.search(word) else _BOX.sub(SPACE, word) for word in words]
    return "".join(drawn)


def _asterisks(text: str, families: Families) -> str:
    if families.markdown:
        text = _EMOTE.sub(SPACE, text)
    if families.numbers and families.english:
        text = _TIMES.sub(TIMES, text)
    if not families.markdown:
        return text
    if not families.numbers and _SUM.search(text):
        # A sum stays a sum when numbers are left alone.
        return "*".join(_asterisks(part, families) for part in _SUM.split(text))
    return _APART.sub(SPACE, text).replace("*", "")


def rewrite(word: str, opaque: Opaque, families: Families, *, after_letter: bool, before_letter: bool) -> str:
    """What is left of a word, with gaps in it. The two flags say what its neighbours are if no gap is between."""
    if families.markdown and "@" in word and "_" in word and "/" not in word:
        word = bare(_ESCAPED_MARK.sub("", word))
    text = protect(word, opaque, contacts=families.contacts and families.english)
    text = (LETTER if after_letter else SPACE) + text + (LETTER if before_letter else SPACE)
    if families.emoji and "¯" in text:
        text = _SHRUG.sub(PICTURE, text)
    if families.markdown:
        if "\\" in text and "¯" not in text:
            text = _ESCAPED_MARK.sub("", text)
        if "_" in text or "~~" in text:
            text = emphasis(text, word)
        if "`" in text:
            text = text.replace("`", "")
    if "\\n" in text or "/n" in text:
        text = _TYPED.sub(LINE, text)
    if families.emoji:
        text = _pictures(text)
    if "*" in text:
        text = _asterisks(text, families)
    if "\\" in text:
        text = _ESCAPED.sub("", _APOSTROPHE.sub("'", text))
    if families.emoji and _MAY_SMILE.search(text):
        text = _EMOTICON.sub(PICTURE, text)
    if families.markdown:
        text = _DASHES.sub(SPACE, text)
    return text[1:-1]


__all__ = ["TIMES", "rewrite"]
