"""Text that later rules must not touch travels as one mark and is put back at the end."""

from attrs import define, field

from actors.session.sanitizer.alphabet import OPAQUE_FIRST, OPAQUE_LAST

_ROOM = OPAQUE_LAST - OPAQUE_FIRST + 1


@define
class Opaque:
    """A ring of protected texts. At most 64 characters are ever held back, so 512 marks are never all in use."""

    _texts: dict[str, tuple[str, bool]] = field(factory=dict, init=False)
    _next: int = field(default=0, init=False)

    def hide(self, text: str, *, literal: bool = False) -> str:
        """The mark that stands for `text` from now on. A literal keeps its case and uses up the capital."""
        mark = chr(OPAQUE_FIRST + self._next)
        self._next = (self._next + 1) % _ROOM
        self._texts[mark] = (text, literal)
        return mark

    def show(self, mark: str) -> tuple[str, bool]:
        """The text of a mark, and whether it is a literal."""
        return self._texts[mark]


__all__ = ["Opaque"]
