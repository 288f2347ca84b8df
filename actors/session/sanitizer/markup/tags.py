"""Rule 4: tags and leaked control tokens."""

import re

from attrs import define, field

from actors.session.sanitizer.alphabet import SPACE

_LONGEST = 64
"""Characters from `<` to `>`, both included."""

_NAME = r"[^\W\d_][\w:.-]*+"
_KEY = r"[^\W\d][\w:.@-]*+"
_BARE = r"[^\s\"'<>=`\udc00-\udfff]++"
_PAIR = rf"\s++{_KEY}=(?:\"[^\"<]*+\"|'[^'<]*+'|{_BARE})"

_WHOLE = re.compile(
    rf"<(?:(?P<open>{_NAME})(?:{_PAIR})*+\s*+/?>|/(?P<close>{_NAME})\s*+>|\|[^\s<>|]++\|>|![dD][oO][cC][tT][yY][pP][eE]\b[^<>]*+>)"
)
_PAIR_BEGUN = rf"\s++(?:/|{_KEY}(?:=(?:\"[^\"<]*+|'[^'<]*+|{_BARE})?+)?+)?+"
_BEGUN = re.compile(
    rf"<(?:{_NAME}(?:{_PAIR}(?=[\s/>]|\Z))*+(?:{_PAIR_BEGUN}|/)?+|/(?:{_NAME}\s*+)?+|\|[^\s<>|]*+\|?+)?+"
)
_CONTROL_BEGUN = re.compile(r"<(?:\|[^\s<>|]*+\|?+|/[A-Za-z]*+)?+")
_DOCTYPE = "<!doctype"

_GAPPED = frozenset(
    {"br", "hr", "p", "div", "li", "ul", "ol", "table", "tr", "td", "th", "blockquote", "pre"}
    | {f"h{level}" for level in range(1, 7)}
)
_STRAY = frozenset({"think", "thinking"})


@define
class Tags:
    """Removes what is a tag and leaves what only looks like one. `<` opens; a second `<`, or 64 characters, end it.

    Without `markup` only control tokens and stray closing tags of reasoning are removed.
    """

    markup: bool = True
    _held: str = field(default="", init=False)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """The text without tags, as far as it is decided."""
        if not self._held and "<" not in text:
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
        """What is held: an unclosed tag is text."""
        return self.settle()

    def _char(self, char: str, out: list[str]) -> None:
        if not self._held:
            self._start(char, out)
            return
        grown = self._held + char
        gone = self._removed(grown) if char == ">" else None
        if gone is not None:
            self._held = ""
            out.append(gone)
        elif char != "<" and len(grown) < _LONGEST and self._may_go_on(grown):
            self._held = grown
        else:
            out.append(self._held)
            self._held = ""
            self._start(char, out)

    def _start(self, char: str, out: list[str]) -> None:
        if char == "<":
            self._held = char
        else:
            out.append(char)

    def _removed(self, tag: str) -> str | None:
        """What the tag leaves, None if it is none, or one that stays."""
        found = _WHOLE.fullmatch(tag)
        if found is None:
            return None
        closes = (found["close"] or "").lower()
        if closes in _STRAY:
            return SPACE
        if not self.markup:
            return "" if tag.startswith("<|") else None
        return SPACE if (closes or (found["open"] or "").lower()) in _GAPPED else ""

    def _may_go_on(self, start: str) -> bool:
        if not self.markup:
            return _CONTROL_BEGUN.fullmatch(start) is not None
        if start.startswith("<!"):
            name = start[: len(_DOCTYPE)].lower()
            after = start[len(_DOCTYPE) : len(_DOCTYPE) + 1]
            return _DOCTYPE.startswith(name) and ">" not in start and not (after.isalnum() or after == "_")
        return _BEGUN.fullmatch(start) is not None


__all__ = ["Tags"]
