"""Rule 3: character references."""

import html
import re
from html.entities import html5

from attrs import define, field

_NO_CHARACTER = "\ufffd"
"""What a number that stands for no character decodes to; it vanishes as one written out does (rule 29)."""

_LONGEST = max(map(len, html5)) + 1
_NUMERIC = re.compile(r"&#(?:[0-9]+|[xX][0-9a-fA-F]+)")
_VIABLE = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]*|#(?:[0-9]*|[xX][0-9a-fA-F]*))?")


@define
class Entities:
    """Decodes HTML5 names and numbers with `;`, and the names HTML also knows without it.

    A reference that decodes to `&` may be the start of another one (text escaped twice), so it is read again with what
    follows. `shrunk` counts the characters that vanished into decoded ones; its reader sets it back.
    """

    shrunk: int = 0
    _held: str = field(default="", init=False)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """The text with its references decoded, as far as they are decided."""
        if not self._held and "&" not in text:
            return text
        out: list[str] = []
        for char in text:
            self._char(char, out)
        return "".join(out)

    def settle(self) -> str:
        """What is held, as ordinary text."""
        held, self._held = self._held, ""
        return held

    def flush(self) -> str:
        """What is held, as if the text ended here."""
        self._held = self._bare()
        return self.settle()

    def _char(self, char: str, out: list[str]) -> None:
        if not self._held:
            self._start(char, out)
        elif char == ";":
            self._closed(out)
        elif len(self._held) < _LONGEST and _VIABLE.fullmatch(self._held + char):
            self._held += char
        else:
            decoded = self._held if char == "=" or char.isalnum() else self._bare()
            self._held = ""
            if decoded == "&" and _VIABLE.fullmatch(decoded + char):
                self._held = decoded + char
            else:
                out.append(decoded)
                self._start(char, out)

    def _start(self, char: str, out: list[str]) -> None:
        if char == "&":
            self._held = char
        else:
            out.append(char)

    def _closed(self, out: list[str]) -> None:
        reference = self._held + ";"
        if reference[1:] not in html5 and not _NUMERIC.fullmatch(self._held):
            out.append(reference)
            self._held = ""
            return
        decoded = html.unescape(reference).replace(_NO_CHARACTER, "")
        self.shrunk += len(reference) - len(decoded)
        self._held = ""
        for char in decoded:
            self._start(char, out)

    def _bare(self) -> str:
        """The held reference without `;`, decoded if HTML knows it so, else as it is."""
        decoded = html5.get(self._held[1:])
        if decoded is None:
            return self._held
        self.shrunk += len(self._held) - len(decoded)
        return decoded


__all__ = ["Entities"]
