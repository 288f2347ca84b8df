"""The Markdown stages in a row."""

import re
from collections.abc import Callable

from attrs import define, field

from actors.session.sanitizer.alphabet import SPACE, is_gap
from actors.session.sanitizer.markdown.formulas import Formulas
from actors.session.sanitizer.markdown.lines import Lines
from actors.session.sanitizer.markdown.links import Links

OPENING = re.compile("[]$\\\\[!|\udc01\udc03\udc05\udc07]")
"""Characters that mean more than themselves to a stage that is not busy; gaps with a line break are among them."""


@define
class Markdown:
    """Text in, text without Markdown out, as far as it spans words. Without `english` formulas become no words.

    `busy`: whether any stage waits, so that the next character means more than itself. `literal`: whether what is put
    together further on ends, with this behind it, inside an address or a path.
    """

    literal: Callable[[str], bool]
    english: bool = True
    busy: bool = field(default=True, init=False)
    _formulas: Formulas = field(init=False)
    _lines: Lines = field(factory=Lines, init=False)
    _links: Links = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._formulas = Formulas(self._in_literal, self.english)
        self._links = Links(self._in_literal)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return self._formulas.held + self._lines.held + self._links.held if self.busy else 0

    def feed(self, text: str) -> str:
        """The text without Markdown, as far as it is decided."""
        text = self._formulas.feed(text)
        if text:
            text = self._links.feed(self._lines.feed(text))
        return self._settled(text)

    def settle(self) -> str:
        """The oldest open construct as ordinary text."""
        if self._links.held:
            return self._settled(self._links.settle())
        if self._lines.held:
            return self._settled(self._links.feed(self._lines.settle()))
        return self._settled(self._links.feed(self._lines.feed(self._formulas.settle())))

    def flush(self) -> str:
        """The rest, as if the text ended here."""
        text = self._lines.feed(self._formulas.flush()) + self._lines.flush()
        return self._links.feed(text) + self._links.flush()

    def _settled(self, text: str) -> str:
        self.busy = self._lines.busy or self._links.busy or self._formulas.busy
        return text

    def _in_literal(self, char: str) -> bool:
        tail = self._links.tail
        at = next((at for at in range(len(tail) - 1, -1, -1) if is_gap(tail[at])), -1)
        return self.literal(tail + char) if at < 0 else self.literal(SPACE + tail[at + 1 :] + char)


__all__ = ["OPENING", "Markdown"]
