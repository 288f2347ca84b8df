"""Rule 2: comments."""

from attrs import define, field

_OPENER, _CLOSER = "<!--", "-->"


@define
class Comments:
    """Removes `<!--` to `-->` without a gap; unclosed, to the end."""

    _held: str = field(default="", init=False)
    _inside: bool = field(default=False, init=False)

    @property
    def held(self) -> int:
        """Characters that wait here; those of a comment are known to vanish and do not count."""
        return 0 if self._inside else len(self._held)

    @property
    def busy(self) -> bool:
        """Whether the next character means more than itself."""
        return self._inside or bool(self._held)

    def feed(self, text: str) -> str:
        """The text without comments, as far as it is decided."""
        if not self.busy and "<" not in text:
            return text
        out: list[str] = []
        for char in text:
            if self._inside:
                self._skip(char)
            else:
                self._outside(char, out)
        return "".join(out)

    def flush(self) -> str:
        """What was held as text."""
        held, self._held = self._held, ""
        return "" if self._inside else held

    def _skip(self, char: str) -> None:
        # The last two characters decide: `--->` closes too.
        self._held = (self._held + char)[-len(_CLOSER) :]
        if self._held == _CLOSER:
            self._held, self._inside = "", False

    def _outside(self, char: str, out: list[str]) -> None:
        grown = self._held + char
        if grown == _OPENER:
            self._held, self._inside = "", True
        elif _OPENER.startswith(grown):
            self._held = grown
        elif char == "<":
            out.append(self._held)
            self._held = char
        else:
            out.append(grown)
            self._held = ""


__all__ = ["Comments"]
