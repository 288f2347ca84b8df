"""Rule 1: reasoning is dropped as it comes."""

from attrs import define, field

from actors.session.sanitizer.alphabet import SPACE

_OPENERS = {"<think>": ("</think>",), "<thinking>": ("</thinking>",)}
_CLOSERS = tuple(closer for closers in _OPENERS.values() for closer in closers)
_STARTS = {tag[:size] for tag in _OPENERS for size in range(1, len(tag) + 1)}


def _folded(text: str) -> str:
    """Lower case where that is ASCII: the Kelvin sign is no `k` of a tag."""
    return text.lower() if text.isascii() else text


@define
class Reasoning:
    """Removes `<think>` and `<thinking>` blocks, any case, up to the close of the same name; leaves a gap."""

    inside: bool = False
    _held: str = field(default="", init=False)
    _closers: tuple[str, ...] = field(default=_CLOSERS, init=False)

    @property
    def held(self) -> int:
        """Characters that wait here; those of a block are known to vanish and do not count."""
        return 0 if self.inside else len(self._held)

    @property
    def busy(self) -> bool:
        """Whether the next character means more than itself."""
        return self.inside or bool(self._held)

    def feed(self, text: str) -> str:
        """The text without reasoning, as far as it is decided."""
        if not self.busy and "<" not in text:
            return text
        out: list[str] = []
        pos = 0
        while pos < len(text):
            if self.inside:
                pos = self.skip(text, pos)
            else:
                self._outside(text[pos], out)
                pos += 1
        return "".join(out)

    def skip(self, text: str, pos: int) -> int:
        """Where the text goes on behind the reasoning: after the closing tag, or at the end of what there is."""
        while pos < len(text):
            if not self._held:
                pos = text.find("<", pos)
                if pos < 0:
                    return len(text)
            grown = self._held + text[pos]
            folded = _folded(grown)
            if not any(closer.startswith(folded) for closer in self._closers):
                # Only the first character of a closing tag can start one, so this character alone is looked at again.
                pos += 0 if self._held and text[pos] == "<" else 1
                self._held = ""
                continue
            pos += 1
            self._held = grown
            if folded in self._closers:
                self._held, self.inside = "", False
                return pos
        return pos

    def flush(self) -> str:
        """What was held as text; an unclosed block reaches to the end."""
        held, self._held = self._held, ""
        return "" if self.inside else held

    def _outside(self, char: str, out: list[str]) -> None:
        grown = self._held + char
        folded = _folded(grown)
        if folded in _OPENERS:
            self._held, self.inside, self._closers = "", True, _OPENERS[folded]
            out.append(SPACE)
        elif folded in _STARTS:
            self._held = grown
        elif char == "<":
            out.append(self._held)
            self._held = char
        else:
            out.append(grown)
            self._held = ""


__all__ = ["Reasoning"]
