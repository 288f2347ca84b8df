"""Text that later rules must not touch travels as one mark and is put back at the end."""

from attrs import define, field

from actors.session.sanitizer.alphabet import OPAQUE_FIRST, OPAQUE_LAST, TAG_FIRST, TAG_LAST


@define
class _Ring:
    """Marks that are used again in turn. At most 64 characters are ever held back, so they are never all in use."""

    first: int
    last: int
    _next: int = 0

    def take(self) -> str:
        """The mark that was used longest ago."""
        mark = chr(self.first + self._next)
        self._next = (self._next + 1) % (self.last - self.first + 1)
        return mark


@define
class Opaque:
    """Protected texts and tags by their marks."""

    _texts: dict[str, tuple[str, bool]] = field(factory=dict, init=False)
    _words: _Ring = field(factory=lambda: _Ring(OPAQUE_FIRST, OPAQUE_LAST), init=False)
    _tags: _Ring = field(factory=lambda: _Ring(TAG_FIRST, TAG_LAST), init=False)

    def hide(self, text: str, *, literal: bool = False) -> str:
        """The mark that stands for `text` from now on. A literal keeps its case and uses up the capital."""
        mark = self._words.take()
        self._texts[mark] = (text, literal)
        return mark

    def keep_tag(self, tag: str) -> str:
        """The mark that stands for a tag that stays."""
        mark = self._tags.take()
        self._texts[mark] = (tag, False)
        return mark

    def show(self, mark: str) -> tuple[str, bool]:
        """The text of a mark, and whether it is a literal."""
        return self._texts[mark]


__all__ = ["Opaque"]
