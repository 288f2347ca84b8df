"""Rules 4 and 23: tags and leaked control tokens; addresses in angle brackets (24)."""

import re

from attrs import define, field

from actors.session.sanitizer.alphabet import SPACE
from actors.session.sanitizer.markup.blocks import STRAY_TAGS
from actors.session.sanitizer.markup.grammar import LONGEST, TAG, TAG_BEGUN

_WORD = r"[^\W\d][\w:./-]*+"

_CONTROL = rf"\|[^\s<>|]++\|>|\|/?{_WORD}>|{_WORD}\|>|/?｜[^<>\r\n]++>"
"""`<|name|>`, one-sided `<|name>` and `<name|>`, full-width `<｜name｜>`."""

_WHOLE = re.compile(rf"<(?:{TAG}|{_CONTROL}|![dD][oO][cC][tT][yY][pP][eE]\b[^<>]*+>)")
_CONTROL_BEGUN = rf"\|[^\s<>|]*+\|?+|{_WORD}\|?+|/?｜[^<>\r\n]*+"
_MAIL_BEGUN = r"(?:mailto:)?[\w.+%-]++@[\w.-]*+"
_BEGUN = re.compile(rf"<(?:{TAG_BEGUN}|{_CONTROL_BEGUN}|{_MAIL_BEGUN}|[\w.+%-]++)?")
_BARE_BEGUN = re.compile(rf"<(?:{_CONTROL_BEGUN}|/[\w:]*+)?")
_DOCTYPE = "<!doctype"

_ADDRESS = re.compile(r"<[A-Za-z][A-Za-z0-9.-]*+://")
_MAIL = re.compile(r"<(?:mailto:)?[\w.+%-]++@[\w-]++(?:\.[\w-]++)++>")
_ENDS_ADDRESS = frozenset('<"*`')

_GAPPED = frozenset(
    {"br", "hr", "p", "div", "li", "ul", "ol", "table", "tr", "td", "th", "blockquote", "pre"}
    | {f"h{level}" for level in range(1, 7)}
)


@define
class Tags:
    """Removes what is a tag and leaves what only looks like one. `<` opens; a second `<`, or 64 characters, end it.

    Without `markup` only control tokens and stray closing tags of reasoning are removed.
    """

    markup: bool = True
    _held: str = field(default="", init=False)
    _in_address: bool = field(default=False, init=False)

    @property
    def held(self) -> int:
        """Characters that wait here."""
        return len(self._held)

    @property
    def busy(self) -> bool:
        """Whether the next character means more than itself."""
        return self._in_address or bool(self._held)

    def feed(self, text: str) -> str:
        """The text without tags, as far as it is decided."""
        if not self.busy and "<" not in text:
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
        if self._in_address and (char == ">" or char in _ENDS_ADDRESS or char.isspace()):
            self._in_address = False
            if char == ">":
                return
        if not self._held:
            self._start(char, out)
            return
        grown = self._held + char
        gone = self._removed(grown) if char == ">" else None
        if gone is not None:
            self._held = ""
            out.append(gone)
        elif self.markup and char == "/" and _ADDRESS.fullmatch(grown):
            # An address may be longer than what can wait for its `>`.
            self._held, self._in_address = "", True
            out.append(grown[1:])
        elif char != "<" and len(grown) < LONGEST and self._may_go_on(grown):
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
        """What the tag leaves, None if it is none, or one that is text."""
        found = _WHOLE.fullmatch(tag)
        if found is None:
            return tag[1:-1].removeprefix("mailto:") if self.markup and _MAIL.fullmatch(tag) else None
        closes = (found["close"] or "").lower()
        if closes in STRAY_TAGS:
            return SPACE
        name = closes or (found["open"] or "").lower()
        if not self.markup:
            return None if name or tag.startswith("<!") else ""
        if tag[1:5].lower() == "www.":
            return tag[1:-1]
        return SPACE if name in _GAPPED else ""

    def _may_go_on(self, start: str) -> bool:
        if not self.markup:
            return _BARE_BEGUN.fullmatch(start) is not None
        if start.startswith("<!"):
            name = start[: len(_DOCTYPE)].lower()
            after = start[len(_DOCTYPE) : len(_DOCTYPE) + 1]
            return _DOCTYPE.startswith(name) and ">" not in start and not (after.isalnum() or after == "_")
        return _BEGUN.fullmatch(start) is not None


__all__ = ["Tags"]
