"""Rule 5: labels of the prompt that a model echoes at the very start."""

from collections.abc import Sequence

from attrs import define, field

from actors.session.sanitizer.alphabet import is_gap, merge

_BUILT_IN = ("freestyle mode", "freestyle mode.", "on the screen now:")


def _normal(label: str) -> str:
    """Folded, white space as one space."""
    return " ".join(label.split()).casefold()


def _joins(char: str) -> bool:
    """Whether the character would go on with a word."""
    return char.isalnum()


@define
class Labels:
    """Removes labels while nothing else has come, any case, any white space inside, the longest that fits.

    A label that ends in a letter or digit has to end its word. White space is gap marks already.
    """

    labels: Sequence[str] = ()
    active: bool = field(default=True, init=False)
    _known: frozenset[str] = field(init=False)
    _starts: frozenset[str] = field(init=False)
    _held: str = field(default="", init=False)
    _folded: str = field(default="", init=False)
    _matched: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._known = frozenset(label for label in map(_normal, (*_BUILT_IN, *self.labels)) if label)
        self._starts = frozenset(label[:size] for label in self._known for size in range(1, len(label) + 1))

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """The text without labels, as far as it is decided."""
        out: list[str] = []
        queue = list(reversed(text))
        while queue:
            char = queue.pop()
            if self.active:
                queue.extend(reversed(self._char(char)))
            else:
                out.append(char)
        return "".join(out)

    def settle(self) -> str:
        """What is held, as ordinary text."""
        self.active = False
        held, self._held = self._held, ""
        return held

    def flush(self) -> str:
        """What is held, as if the text ended here."""
        out = ""
        while self.active and self._held:
            self._confirm("")
            out += self.feed(self._rest())
        return out

    def _char(self, char: str) -> str:
        """Text to read again: none while the label may go on."""
        gap = is_gap(char)
        if gap and (not self._held or is_gap(self._held[-1])):
            self._held = self._held[:-1] + merge(self._held[-1:], char) if self._held else ""
            return ""  # white space before a label vanishes at the start of the text anyway
        self._confirm(char)
        folded = self._folded + (" " if gap else char.casefold())
        if folded.rstrip() not in self._starts:
            return self._rest() + char
        self._held += char
        self._folded = folded
        if folded in self._known and not _joins(folded[-1]):
            self._matched = len(self._held)
        return ""

    def _confirm(self, following: str) -> None:
        """A label that ends in a letter is one once no letter follows."""
        if self._folded in self._known and not (following and _joins(following)):
            self._matched = len(self._held)

    def _rest(self) -> str:
        """What is left of the held text; without a label in it, labels are over."""
        self.active = self._matched > 0
        rest = self._held[self._matched :]
        self._held, self._folded, self._matched = "", "", 0
        return rest


__all__ = ["Labels"]
