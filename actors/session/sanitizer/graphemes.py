"""Rules 6 and 7: invisible characters and emoji, by whole graphemes."""

from attrs import define, field

from actors.session.sanitizer.alphabet import PICTURE, merge
from actors.session.sanitizer.characters import EMOJI_SELECTOR, ZWJ, ZWNJ, Kind, kind

_SPELLING = (Kind.LETTER, Kind.MARK)
_EXTENDING = (Kind.MARK, Kind.SELECTOR, Kind.KEYCAP)
_WAITING = (Kind.SYMBOL, Kind.KEY_BASE)


@define
class Graphemes:
    """Removes emoji and what cannot be seen; neighbouring gaps go on only where they change what the gap is.

    `pictures` off: emoji stay, each as a whole. A symbol or digit waits for the selector or keycap that may follow.
    """

    pictures: bool = True
    _base: str = field(default="", init=False)
    _emoji: bool = field(default=False, init=False)
    _joiner: str = field(default="", init=False)
    _gap: str = field(default="", init=False)
    _spelling: bool = field(default=False, init=False)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._base) + len(self._joiner)

    @property
    def idle(self) -> bool:
        """Whether the next character means itself."""
        return not (self._base or self._emoji or self._joiner)

    def note(self, char: str) -> None:
        """The character went past this stage unchanged: a plain letter, punctuation or a gap."""
        self._gap = char if kind(char) is Kind.GAP else ""
        self._spelling = kind(char) in _SPELLING

    def feed(self, text: str) -> str:
        """The text of whole graphemes, as far as they are decided."""
        out: list[str] = []
        for char in text:
            self._char(char, kind(char), out)
        return "".join(out)

    def flush(self) -> str:
        """What is held, as if the text ended here; a lone joiner vanishes."""
        base, self._base, self._joiner = self._base[:1], "", ""
        return base

    def _char(self, char: str, what: Kind, out: list[str]) -> None:
        if self._emoji and self._belongs(char, what, out):
            return
        if self._base and self._completes(char, what, out):
            return
        if self._joiner:
            if what in _SPELLING and self._spelling:
                out.append(self._joiner)
            self._joiner = ""
        self._plain(char, what, out)

    def _plain(self, char: str, what: Kind, out: list[str]) -> None:
        if what <= Kind.MARK:
            self._gap = ""
            self._spelling = what is not Kind.OTHER
            out.append(char)
        elif what is Kind.GAP:
            self._leave(char, out)
        elif what is Kind.EMOJI:
            self._found(char, out)
        elif what in _WAITING:
            self._base = char
        elif what is Kind.JOINER:
            self._joiner = char

    def _belongs(self, char: str, what: Kind, out: list[str]) -> bool:
        """Whether the character is part of the emoji before it."""
        extends = what in _EXTENDING or char == ZWNJ or (what is Kind.VANISHING and char >= "\U000e0020")
        joined = self._joiner and (what is Kind.EMOJI or (what is Kind.SYMBOL and not char.isascii()))
        if char == ZWJ:
            self._joiner = char
        elif extends or joined:
            self._keep(self._joiner + char, out)
            self._joiner = ""
        else:
            self._emoji, self._joiner = False, ""
            return False
        return True

    def _completes(self, char: str, what: Kind, out: list[str]) -> bool:
        """Whether the character makes an emoji of the one that waits; if not, that one goes on."""
        base = self._base
        key = kind(base[0]) is Kind.KEY_BASE
        if key and what is Kind.KEYCAP:
            self._base = ""
            self._found(base + char, out)
            return True
        if char == EMOJI_SELECTOR and len(base) == 1:
            self._base = base + char if key else ""
            if not key:
                self._found(base + char, out)
            return True
        self._base, self._gap, self._spelling = "", "", False
        out.append(base[0])
        return False

    def _found(self, emoji: str, out: list[str]) -> None:
        self._emoji = True
        if self.pictures:
            self._leave(PICTURE, out)
        else:
            self._gap, self._spelling = "", False
            out.append(emoji)

    def _keep(self, chars: str, out: list[str]) -> None:
        if not self.pictures:
            out.append(chars)

    def _leave(self, gap: str, out: list[str]) -> None:
        self._spelling = False
        merged = merge(self._gap, gap)
        if merged != self._gap:
            self._gap = merged
            out.append(merged)


__all__ = ["Graphemes"]
