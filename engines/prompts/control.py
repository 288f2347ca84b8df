"""Control tokens in content, made plain text: `<|im_end|>` becomes `< |im_end|>`."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, count

from attrs import frozen

Span = tuple[int, int]
_Tree = dict[str, "_Tree"]
"""Texts by their characters; `""` marks the end of one."""

# A space inside one control text can complete another one; no real set needs more than two rounds. Past this many,
# what is still found is taken out whole, which always comes to an end.
MAX_ROUNDS = 8
# One search holds the interpreter for as long as it takes, and a text full of `<` takes a microsecond a character.
WINDOW_CHARS = 2000


@frozen
class Edits:
    """What one round changed: `places` in the new text, ascending; `shifts` from each on, towards the old text."""

    places: Sequence[int]
    shifts: Sequence[int]

    def source(self, at: int) -> int:
        """The place in the old text for a place in the new one."""
        edits = bisect_left(self.places, at)
        return at + self.shifts[edits - 1] if edits else at


@frozen
class Plain:
    """A text without control tokens, and the way back to the text it was."""

    text: str
    rounds: tuple[Edits, ...] = ()

    def source(self, at: int) -> int:
        """The place in the original text for a place in this one."""
        for edits in reversed(self.rounds):
            at = edits.source(at)
        return at


class Neutralizer:
    """Breaks every control text: a space after its first character, longest match first, until none is left.

    A control text of one character is removed. `spans` finds what no literal search can: places that a tokenizer
    turns into control ids only after it has normalised the text. Safe to share between threads.
    """

    def __init__(self, texts: Iterable[str], spans: Callable[[str], Sequence[Span]] | None = None) -> None:
        known = list(texts)
        self._pattern = literals(known)
        self._longest = max(map(len, known), default=0)
        self._spans = spans

    def __call__(self, text: str) -> Plain:
        """The text made plain."""
        rounds: list[Edits] = []
        for done in count():
            found = self._found(text)
            if not found:
                return Plain(text, tuple(rounds))
            text, edits = _broken(text, found, remove=done >= MAX_ROUNDS)
            rounds.append(edits)
        raise AssertionError("count() ended")

    def _found(self, text: str) -> list[Span]:
        found = self._literal(text)
        if not found and self._spans:
            found = [span for span in self._spans(text) if span[1] > span[0]]
        return found

    def _literal(self, text: str) -> list[Span]:
        return [match.span() for match in matches(self._pattern, text, self._longest)] if self._pattern else []


def _broken(text: str, found: Sequence[Span], *, remove: bool) -> tuple[str, Edits]:
    pieces: list[str] = []
    places: list[int] = []
    deltas: list[int] = []
    old = new = 0
    for start, end in found:
        new += start - old
        pieces.append(text[old:start])
        gone = end - start if remove or end - start == 1 else 0
        if not gone:
            pieces.append(f"{text[start]} {text[start + 1 : end]}")
            new += 1
        places.append(new)
        deltas.append(gone or -1)
        new += 0 if gone else end - start
        old = end
    pieces.append(text[old:])
    return "".join(pieces), Edits(places, list(accumulate(deltas)))


def matches(pattern: re.Pattern[str], text: str, longest: int) -> Iterator[re.Match[str]]:
    """All matches, none over `longest` characters, as `finditer` has them.

    Window by window, so that other threads get their turn; each reads on to the end of what begins in it.
    """
    start = 0
    while start < len(text):
        end = start + WINDOW_CHARS
        for match in pattern.finditer(text, start, end + longest):
            if match.start() >= end:
                break
            start = match.end()
            yield match
        start = max(end, start)


def literals(texts: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern for any of the texts, leftmost and longest first; None for no texts.

    Built as a prefix tree: some vocabularies have a thousand control tokens, and a plain alternation would try each
    of them at every `<`.
    """
    tree: _Tree = {}
    for text in filter(None, texts):
        node = tree
        for char in text:
            node = node.setdefault(char, {})
        node[""] = {}
    return re.compile(_branch(tree)) if tree else None


def _branch(tree: _Tree) -> str:
    options = [_path(char, tree[char]) for char in sorted(tree) if char]
    joined = options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"
    return f"(?:{joined})?" if "" in tree else joined


def _path(text: str, node: _Tree) -> str:
    """One edge with all that follows; runs without a fork are taken in a loop, for control texts can be long."""
    while len(node) == 1 and "" not in node:
        ((char, node),) = node.items()
        text += char
    return re.escape(text) + (_branch(node) if any(node) else "")


__all__ = ["MAX_ROUNDS", "WINDOW_CHARS", "Edits", "Neutralizer", "Plain", "Span", "literals", "matches"]
