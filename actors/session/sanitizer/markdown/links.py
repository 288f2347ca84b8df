"""Rule 24: links and images are their texts; marks of footnotes go."""

import re
from collections import deque
from collections.abc import Callable

from attrs import define, field

from actors.session.sanitizer.alphabet import breaks_line, is_gap

_TITLES = {'"': '"', "'": "'", "(": ")"}
_CONCERNS = re.compile("[][!]")
"""Brackets and the mark of an image."""

_FOOTNOTE = re.compile(r"\[\^\d+\]")


@define
class Target:
    """What stands behind `](`: dropped up to its balanced `)` or white space; a title after that, if it closes.

    `rest` is text that turned out to be none of it; its reader sets it back.
    """

    over: bool = False
    rest: str = ""
    _depth: int = field(default=1, init=False)
    _title: str = field(default="", init=False)
    _quote: str = field(default="", init=False)
    _closed: bool = field(default=False, init=False)

    @property
    def held(self) -> int:
        """Characters that wait here: those of a title."""
        return len(self._title)

    def feed(self, char: str) -> None:
        """One character more."""
        if self._title:
            self._behind(char)
        elif is_gap(char):
            self._title = char
        elif char == "(":
            self._depth += 1
        elif char == ")":
            self._depth -= 1
            self.over = self._depth == 0

    def settle(self) -> None:
        """What is held is text."""
        self.rest, self._title = self._title, ""
        self.over = True

    def _behind(self, char: str) -> None:
        if self._quote and not self._closed:
            self._closed = char == self._quote
        elif char == ")" and self._depth == 1:
            self._title, self.over = "", True
            return
        elif not self._quote and char in _TITLES:
            self._quote = _TITLES[char]
        elif not is_gap(char) or breaks_line(char):
            self._title += char
            self.settle()
            return
        self._title += char


@define
class Links:
    """Waits from `[` on to see whether a link's `](` comes; then the brackets go, and the target as it comes.

    `in_literal` says whether a character belongs to an address or a path.
    """

    in_literal: Callable[[str], bool]
    _held: str = field(default="", init=False)
    _base: int = field(default=0, init=False)
    _opened: deque[int] = field(factory=deque, init=False)
    _closing: bool = field(default=False, init=False)
    _loose: int = field(default=0, init=False)
    _target: Target | None = field(default=None, init=False)

    @property
    def held(self) -> int:
        """Characters that wait here; those of a target are known to vanish."""
        return len(self._held) + self._closing + (self._target.held if self._target else 0)

    @property
    def tail(self) -> str:
        """The text that waits here."""
        return self._held

    @property
    def busy(self) -> bool:
        """Whether the next character means more than itself."""
        return bool(self._held) or self._closing or self._target is not None

    def feed(self, text: str) -> str:
        """The text with its links as their texts, as far as it is decided."""
        if not (self._loose or self.busy or _CONCERNS.search(text)):
            return text
        if self._opened and len(text) == 1 and self._target is None and not (self._closing or text in "[]"):
            self._held += text
            return ""
        out: list[str] = []
        queue = list(reversed(text))
        while queue:
            self._char(queue.pop(), queue, out)
        return "".join(out)

    def settle(self) -> str:
        """The oldest open bracket as ordinary text."""
        out: list[str] = []
        if self._closing and not self._opened:
            self._unlinked(out)
        elif self._opened:
            self._loose += 1
            self._release(self._begin(1) if len(self._opened) > 1 else len(self._held), out)
        elif self._target is not None:
            self._target.settle()
            return self.feed(self._after_target(self._target))
        else:
            self._release(len(self._held), out)
        return "".join(out)

    def flush(self) -> str:
        """The rest, as if the text ended here; an open target vanishes."""
        out: list[str] = []
        if self._closing:
            self._unlinked(out)
        self._opened.clear()
        self._release(len(self._held), out)
        if self._target is not None:
            self._target.settle()
            out.append(self._after_target(self._target))
        return "".join(out)

    def _char(self, char: str, queue: list[str], out: list[str]) -> None:
        if self._target is not None:
            self._target.feed(char)
            if self._target.over:
                queue.extend(reversed(self._after_target(self._target)))
            return
        if self._closing:
            if char == "(":
                self._linked(out)
                return
            self._unlinked(out)
        if char == "[" and not self.in_literal(char):
            self._open()
        elif self._held == "!" and not self._opened:
            self._release(1, out)
            queue.append(char)
        elif char == "]" and (self._opened or self._loose):
            self._closing = True
        elif char == "!" and not self._opened:
            self._held = char
        elif self._opened:
            self._held += char
        else:
            if is_gap(char) and breaks_line(char):
                self._loose = 0
            out.append(char)

    def _open(self) -> None:
        self._held += "["
        self._opened.append(self._base + len(self._held) - 1)

    def _begin(self, which: int) -> int:
        """Where in the held text a bracket that was opened begins, the mark of an image with it."""
        at = self._opened[which] - self._base
        return at - 1 if at > 0 and self._held[at - 1] == "!" else at

    def _linked(self, out: list[str]) -> None:
        """`](` has come: the brackets go, and what follows is the target."""
        self._closing, self._target = False, Target()
        if not self._opened:
            self._loose -= 1
            out.append("]")
            return
        begin = self._begin(-1)
        self._held = self._held[:begin] + self._held[self._opened.pop() - self._base + 1 :]
        self._freed(out)

    def _unlinked(self, out: list[str]) -> None:
        """`]` has come, and no link."""
        self._closing = False
        if not self._opened:
            self._loose -= 1
            out.append("]")
            return
        begin = self._opened.pop() - self._base
        self._held += "]"
        if _FOOTNOTE.fullmatch(self._held, begin):
            self._held = self._held[:begin]
        self._freed(out)

    def _freed(self, out: list[str]) -> None:
        if not self._opened:
            self._release(len(self._held), out)

    def _release(self, size: int, out: list[str]) -> None:
        """The first characters that wait are text."""
        out.append(self._held[:size])
        self._held = self._held[size:]
        self._base += size
        while self._opened and self._opened[0] < self._base:
            self._opened.popleft()

    def _after_target(self, target: Target) -> str:
        self._target = None
        return target.rest


__all__ = ["Links", "Target"]
