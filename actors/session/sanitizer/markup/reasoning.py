"""Rules 1 and 23: thoughts and tool calls of every family are dropped as they come."""

from attrs import define, field

from actors.session.sanitizer.alphabet import SPACE
from actors.session.sanitizer.markup.blocks import (
    AFTER_THOUGHTS,
    CHANNEL,
    HEADERS,
    IN_CHANNEL,
    IN_HEADER,
    MESSAGE,
    OPENERS,
    OUTSIDE,
    START,
    Markers,
    markers,
)
from actors.session.sanitizer.markup.calls import Call
from engines.prompts.markers import HARMONY, folded, name_in

_LONGEST_HEADER = 256
"""Characters kept of a header; its role and channel come first."""

_MOST_BLANKS = 8
"""White space inside a tag before its `>` that makes it no other tag: `<think >`."""

_OURS = frozenset(("", "assistant"))


def _tight(text: str) -> str:
    """For comparing, without white space where a tag may have some: before its `>`.

    In square brackets all capitals or none are a marker's: `[Think]` is a word that somebody put in brackets.
    """
    if text[0] == "[" and text not in (text.upper(), text.lower()):
        return text
    text = folded(text)
    if text[-1] == ">" and text[-2:-1].isspace():
        return text[:-1].rstrip() + ">"
    return text


def _begins(marker: str, written: str, wanted: Markers) -> bool:
    """Whether it is the beginning of a marker, perhaps with white space before its `>`."""
    if marker in wanted.begun:
        return True
    name = marker.rstrip()
    return len(written) - len(name) <= _MOST_BLANKS and name + ">" in wanted.texts


@define
class _Header:
    """From `<|start|>` or `<|channel|>` to `<|message|>`: whose message it is, to whom, on which channel."""

    role: str = ""
    channel: str | None = None
    text: str = ""

    def end_part(self, marker: str) -> None:
        """The text so far ends at `marker`."""
        name = name_in(self.text)
        if self.channel is None:
            self.role = "tool" if "to=" in self.text else name
        else:
            self.channel = name
        if marker == CHANNEL:
            self.channel, self.text = "", ""
        elif marker == START:
            self.role, self.channel, self.text = "", None, ""

    @property
    def answers(self) -> bool:
        """Whether the message is for the user."""
        if self.channel is None:
            return self.role in _OURS
        return self.channel == HARMONY.answer


@define
class Reasoning:
    """Removes thoughts and tool calls, markers in any case, up to the close of the same name; leaves a gap."""

    inside: bool = False
    _held: str = field(default="", init=False)
    _closers: Markers = field(default=AFTER_THOUGHTS, init=False)
    _header: _Header | None = field(default=None, init=False)
    _call: Call | None = field(default=None, init=False)

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
        if not self.busy and not OUTSIDE.first.search(text):
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
        """Where the text goes on behind the block: after its closing marker, or at the end of what there is."""
        while pos < len(text) and self.inside:
            if self._call is not None:
                pos = self._call.skip(text, pos)
                self.inside = not self._call.over
                self._call = None if self._call.over else self._call
            elif self._held:
                pos = self._closing(text, pos)
            else:
                found = self._closers.first.search(text, pos)
                after = found.start() if found else len(text)
                self._keep(text[pos:after])
                pos = after
                if found:
                    self._held = text[pos]
                    pos += 1
        return pos

    def flush(self) -> str:
        """What was held as text; an unclosed block reaches to the end."""
        held, self._held = self._held, ""
        return "" if self.inside else held

    def _outside(self, char: str, out: list[str]) -> None:
        grown = self._held + char
        marker = _tight(grown)
        if marker in OUTSIDE.texts:
            self._held = ""
            self._open(marker)
            out.append(SPACE)
        elif _begins(marker, grown, OUTSIDE):
            self._held = grown
        elif self._held and OUTSIDE.first.match(char):
            out.append(self._held)
            self._held = char
        else:
            out.append(grown)
            self._held = ""

    def _open(self, marker: str) -> None:
        block = OPENERS.get(marker)
        if marker in HEADERS:
            self._read_header(marker)
        elif block is not None:
            self.inside = True
            if block.closers:
                self._closers = markers(*block.closers)
            else:
                self._call = Call()

    def _read_header(self, marker: str) -> None:
        self.inside, self._closers = True, IN_HEADER
        self._header = _Header(channel="" if marker == CHANNEL else None)

    def _closing(self, text: str, pos: int) -> int:
        """One character of what may be a closing marker; where to go on."""
        grown = self._held + text[pos]
        marker = _tight(grown)
        if marker in self._closers.texts:
            self._held = ""
            self._close(marker)
            return pos + 1
        if _begins(marker, grown, self._closers):
            self._held = grown
            return pos + 1
        # Only the first character of a marker can start one, so this character alone is looked at again.
        self._keep(self._held)
        self._held = ""
        return pos

    def _keep(self, text: str) -> None:
        if self._header is not None and len(self._header.text) < _LONGEST_HEADER:
            self._header.text = (self._header.text + text)[:_LONGEST_HEADER]

    def _close(self, marker: str) -> None:
        header = self._header
        if header is None:
            if marker in HEADERS:
                self._read_header(marker)
            else:
                self.inside = False
            return
        header.end_part(marker)
        if marker == MESSAGE:
            self.inside, self._header = not header.answers, None
            self._closers = IN_CHANNEL


__all__ = ["Reasoning"]
