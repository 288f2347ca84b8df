"""Rule 28: tags that stay, attributes and references in them included."""

import re
from collections.abc import Collection

from attrs import define, field

from actors.session.sanitizer.alphabet import is_gap
from actors.session.sanitizer.markup.grammar import LONGEST, TAG, TAG_BEGUN
from actors.session.sanitizer.opaque import Opaque

_LONGEST_KEPT = 1024
"""Characters copied of a tag that is too long to wait for its `>`; one that goes on longer is none."""

_MOST_BLANKS = 16
"""White space in a row in a long tag; more ends it."""

_WHOLE = re.compile(f"<(?:{TAG})")
_BEGUN = re.compile(f"<(?:{TAG_BEGUN})?")
_NAME = re.compile(r"</?([\w:.-]*)")
_CLOSED = re.compile(r"\"[^\"]*\"|'[^']*'")
_VISIBLE = re.compile(r"\s*\S")
_QUOTE = re.compile("[\"']")


@define
class KeptTags:
    """Tags of the names `kept` (lower case) go on as one mark each, a longer one as one for each of its characters.

    `surplus` counts the characters that became one mark; its reader sets it back.
    """

    opaque: Opaque
    kept: Collection[str] = ()
    surplus: int = 0
    _held: str = field(default="", init=False)
    _blank: str = field(default="", init=False)
    _left: int = field(default=0, init=False)
    _quote: str = field(default="", init=False)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._held) + len(self._blank)

    @property
    def busy(self) -> bool:
        """Whether the next character means more than itself."""
        return bool(self._held) or self._left > 0

    def feed(self, text: str) -> str:
        """The text with a mark for each tag that stays, as far as it is decided."""
        if not self.kept or not (self.busy or "<" in text):
            return text
        out: list[str] = []
        for char in text:
            self._char(char, out)
        return "".join(out)

    def settle(self) -> str:
        """What is held, as ordinary text."""
        held, self._held, self._blank = self._held + self._blank, "", ""
        return held

    def _char(self, char: str, out: list[str]) -> None:
        if self._left and char != "<" and not is_gap(char):
            self._copy(char, out)
            return
        if self._left:
            self._end(out)
        grown = self._held + char
        stays = char == "<" if not self._held else self._named(grown)
        if stays and char == ">" and _WHOLE.fullmatch(grown):
            self._held = ""
            self._keep(grown, out)
        elif not (stays and _BEGUN.fullmatch(grown)):
            out.append(self._held)
            self._held = char if char == "<" else ""
            out.append("" if self._held else char)
        elif len(grown) < LONGEST:
            self._held = grown
        else:
            quote = _QUOTE.search(_CLOSED.sub("", grown))
            self._held, self._left, self._quote = "", _LONGEST_KEPT, quote[0] if quote else ""
            visible = grown.rstrip()
            self._blank = grown[len(visible) :]
            for part in _VISIBLE.findall(visible):
                self._keep(part, out)

    def _named(self, start: str) -> bool:
        """Whether its name is that of a tag that stays, or the beginning of one."""
        found = _NAME.match(start)
        if found is None:
            return False
        name = found[1].lower()
        return name in self.kept or (found.end() == len(start) and any(each.startswith(name) for each in self.kept))

    def _keep(self, tag: str, out: list[str]) -> None:
        self.surplus += len(tag) - 1
        out.append(self.opaque.keep_tag(tag))

    def _copy(self, char: str, out: list[str]) -> None:
        """One character more of a long tag; what is out never ends with white space, so that waits."""
        if char.isspace():
            self._blank += char
            if len(self._blank) == _MOST_BLANKS:
                self._end(out)
            return
        self._keep(self._blank + char, out)
        self._blank = ""
        self._left -= 1
        if self._quote:
            self._quote = "" if char == self._quote else self._quote
        elif char in "\"'":
            self._quote = char
        elif char == ">":
            self._left = 0
        if not self._left:
            self._end(out)

    def _end(self, out: list[str]) -> None:
        """The long tag is over, or was none."""
        out.append(self._blank)
        self._left, self._blank, self._quote = 0, "", ""


__all__ = ["KeptTags"]
