"""Rule 24 on one word: underscores and tildes at its edge, each on its own, whether or not another closes it."""

import re

import regex

from actors.session.sanitizer.alphabet import ALNUM, LETTER

_EDGE = "_*~`\"'“”‘’«»‹›„‚()[]{}.,;:!?…"
"""What may stand between a word and its edge: marks, quotes, brackets, the punctuation of a sentence."""

_TILDES = re.compile("~{2,}")
_ONLY_MARKS = re.compile("[_*~]+")
_BLANK = re.compile(r"[(\[\"'“‘]*_{3,}[)\]\"'”’.,;:!?]*")
"""A gap to fill in, with the punctuation around it; shorter ones may be a face."""

_UNDERSCORE = regex.compile(rf"(?<![{ALNUM}_])_+(?=[{ALNUM}])|(?<=[{ALNUM}])_+(?![{ALNUM}_])")
_STRUCK = regex.compile(rf"(?<![{ALNUM}~])~{{2,}}(?=[{ALNUM}])|(?<=[{ALNUM}])~{{2,}}(?![{ALNUM}~])")
_SPELLED = regex.compile(rf"[{ALNUM}]")
_NAME = re.compile(r"[\w)\]][./][\w(\[]")
"""A dot or slash inside: the name of a file, whose underscores are part of it."""


def emphasis(text: str, word: str) -> str:
    """`text`, which is `word` with its literals hidden and a mark of what is next to it at both ends, without marks."""
    named = _NAME.search(word.strip(_EDGE)) is not None
    before, body, after = text[0], text[1:-1], text[-1]
    core = body.strip(_EDGE)
    if not core:
        return before + _marks(body, before, after) + after
    start = body.index(core)
    head, tail = body[:start], body[start + len(core) :]
    inside_left = before == LETTER and _ONLY_MARKS.fullmatch(head) and _SPELLED.match(core)
    inside_right = after == LETTER and _ONLY_MARKS.fullmatch(tail) and _SPELLED.match(core[-1])
    head = _without(head, named or bool(inside_left))
    tail = _without(tail, named or bool(inside_right))
    core = _STRUCK.sub("", core)
    return before + head + (core if named else _UNDERSCORE.sub("", core)) + tail + after


def bare(address: str) -> str:
    """A word that holds an e-mail address, without the marks around it: its dots are no file name's."""
    core = address.strip(_EDGE)
    head, tail = address.split(core, 1) if core else (address, "")
    return _without(head, False) + core + _without(tail, False)


def _without(edge: str, named: bool) -> str:
    edge = _TILDES.sub("", edge)
    return edge if named else edge.replace("_", "")


def _marks(body: str, before: str, after: str) -> str:
    """A word of marks and punctuation alone: marks go, a face such as `;_;` stays."""
    inside = before == LETTER and after == LETTER
    alone = LETTER not in (before, after)
    if alone and not (_ONLY_MARKS.fullmatch(body) or _BLANK.fullmatch(body)):
        return body
    return _without(body, inside)


__all__ = ["bare", "emphasis"]
