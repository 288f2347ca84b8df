"""Rule 17: dots."""

import re

import regex
from attrs import define, field

from actors.session.sanitizer.alphabet import ALNUM, GAPS, LETTERS, SPACE, is_gap, merge

_PARTS = re.compile(rf"[.…]+|[{GAPS}]+|[^.…{GAPS}]+")
_SENTENCE = regex.compile(rf"\p{{Lu}}\p{{M}}*+\p{{Ll}}|[IA](?![{ALNUM}])")
_ENDED = regex.compile(rf"[{ALNUM}\"'”’»›)\]}}]\Z")
_INITIAL = regex.compile(rf"(?<![{LETTERS}])\p{{L}}\p{{M}}*+\Z")
_SPELLED = regex.compile(rf"[{ALNUM}]")
_CONTEXT = 8
"""Characters kept to tell a one-letter abbreviation from a word."""


@define
class Dots:
    """Makes one pause of dots that only gaps keep apart. A dot is out at once; what follows may only add to it."""

    _run: int = field(default=0, init=False)
    _gap: str = field(default="", init=False)
    _before: str = field(default="", init=False)

    @property
    def calm(self) -> bool:
        """Whether no run of dots is open."""
        return not self._run

    @property
    def held(self) -> int:
        """Characters that wait here: the gap after a dot; after `...` it is known to vanish."""
        return len(self._gap)

    @property
    def paused(self) -> bool:
        """Whether one dot and a gap are all that is open."""
        return self._run == 1 and bool(self._gap)

    def pause(self) -> None:
        """A word with one dot and a space went past."""
        self._run, self._gap, self._before = 1, SPACE, "."

    def resume(self) -> str:
        """A word comes: its gap."""
        gap, self._run, self._gap = self._gap, 0, ""
        return gap

    def note(self, piece: str) -> None:
        """The piece went past this stage unchanged."""
        self._before = piece[-_CONTEXT:]

    def feed(self, piece: str) -> str:
        """The piece with its dots settled."""
        out: list[str] = []
        for found in _PARTS.finditer(piece):
            part = found[0]
            if is_gap(part[0]):
                self._space(part, out)
            elif part[0] in ".…":
                self._dots(part, piece[found.end() :], out)
            else:
                self._text(part, out)
            self._before = (self._before + part)[-_CONTEXT:]
        return "".join(out)

    def _space(self, gaps: str, out: list[str]) -> None:
        if not self._run:
            out.append(gaps)
        elif self._run == 1:
            for gap in gaps:
                self._gap = merge(self._gap, gap)
        else:
            self._gap = ""

    def _text(self, text: str, out: list[str]) -> None:
        out.append(self._gap + text)
        self._run, self._gap = 0, ""

    def _dots(self, dots: str, following: str, out: list[str]) -> None:
        single = dots == "."
        decimal = single and _SPELLED.match(following) is not None
        if self._run and not decimal:
            if not single and self._run == 1:
                out.append("..")
                self._run, self._gap = 3, ""
            return
        if self._run:
            # `.5` after a pause keeps its distance, or the two would be one run of dots.
            out.append((self._gap or SPACE) + dots)
            self._run, self._gap = 0, ""
            return
        out.append("." if single else "...")
        self._run = 1 if single else 3
        if single and _SENTENCE.match(following) and self._ends_sentence():
            out.append(SPACE)

    def _ends_sentence(self) -> bool:
        return _ENDED.search(self._before) is not None and _INITIAL.search(self._before) is None


__all__ = ["Dots"]
