"""Rules 9 and 10: addresses and paths stay as they are, e-mail addresses are spoken."""

import re

import regex

from actors.session.sanitizer.alphabet import ALNUM, TAGS
from actors.session.sanitizer.opaque import Opaque

_ADDRESS = regex.compile(rf"(?<!\\)[A-Za-z][A-Za-z0-9+.-]*+://|(?<![{ALNUM}])www\.(?=[^\s<>\"*`{TAGS}])")
_PATH = re.compile(rf"(?:\A|(?<=[…`{TAGS}])|(?<=\.{{3}}))(?:/(?=\w)(?!n(?:/n|\Z))|\.\.?/|~/|[A-Za-z]:[\\/])")
"""A path starts its word, or follows a backtick or a pause, which loses the gap that came after it. A typed-out `/n` is
no path."""

_BODY = re.compile(rf"[^<>\"*`{TAGS}]*")
_TAIL = frozenset(".,;:!?'’”»›")
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_OPENING = frozenset(_BRACKETS.values())
_MAY_HOLD = re.compile(r"[/\\]|www\.")

_LABEL = r"[^\W_]++(?:-++[^\W_]++)*+"
_MAIL = re.compile(rf"\w[\w.+%-]*+@(?:{_LABEL}\.)+[^\W\d_]{{2,}}(?![^\W_])")
_SPOKEN = {"@": " at ", ".": " dot ", "-": " dash ", "_": " underscore ", "+": " plus ", "%": " percent "}


def _trimmed(literal: str) -> str:
    """Without the punctuation of the sentence around it."""
    while literal:
        last = literal[-1]
        opener = _BRACKETS.get(last)
        unbalanced = opener is not None and literal.count(last) > literal.count(opener)
        if last not in _TAIL and last not in _OPENING and not unbalanced:
            break
        literal = literal[:-1]
    return literal


def _spans(word: str) -> list[tuple[int, int]]:
    """Where the literals of a word are, untrimmed."""
    spans = []
    path, address = _PATH.search(word), _ADDRESS.search(word)
    found = address if path is None or (address and address.start() < path.start()) else path
    while found is not None:
        body = _BODY.match(word, found.end())
        end = body.end() if body else found.end()
        spans.append((found.start(), end))
        found = _ADDRESS.search(word, end)
    return spans


def open_literal(word: str) -> bool:
    """Whether the word so far ends inside a literal, so that what follows belongs to it."""
    spans = _spans(word) if _MAY_HOLD.search(word) else []
    return bool(spans) and spans[-1][1] == len(word)


def open_address(word: str) -> bool:
    """The same for `scheme://` and `www.` alone: only there runs of equal characters keep their length."""
    return open_literal(word) and _ADDRESS.search(word) is not None


def _spell(address: str) -> str:
    return " ".join("".join(_SPOKEN.get(char, char) for char in address).split())


def _mails(text: str, opaque: Opaque) -> str:
    return _MAIL.sub(lambda found: opaque.hide(_spell(found[0])), text) if "@" in text else text


def protect(word: str, opaque: Opaque, *, contacts: bool) -> str:
    """The word with its literals hidden, and with its e-mail addresses hidden as the words to say."""
    spans = _spans(word) if _MAY_HOLD.search(word) else []
    out, pos = "", 0
    for start, end in spans:
        literal = _trimmed(word[start:end])
        if literal:
            before = word[pos:start]
            out += (_mails(before, opaque) if contacts else before) + opaque.hide(literal, literal=True)
            pos = start + len(literal)
    rest = word[pos:]
    return out + (_mails(rest, opaque) if contacts else rest)


__all__ = ["open_address", "open_literal", "protect"]
