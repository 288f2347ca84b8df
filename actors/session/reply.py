"""From the engine's text to what the client hears: stop strings, blocks that tokens part, then the sanitizer.

Pure; one per generation.
"""

from collections.abc import Sequence
from typing import Protocol

from attrs import define, field

from actors.session.blocks import Blocks
from engines.base import Control
from engines.prompts.reply_format import ReplyFormat


class Cleaner(Protocol):
    """What makes text speakable, chunk by chunk (the sanitizer, or nothing)."""

    def push(self, delta: str) -> str:
        """New text in, text that is final out."""

    def flush(self) -> str:
        """The rest, at the normal end."""


@define
class StopStrings:
    """Finds the first stop string to be complete; text waits only while it is a proper prefix of one.

    The engines' own matching is not used: one holds back the longest marker's length for every stream, another
    leaks half a match. What is found does not depend on how the text was split.
    """

    markers: Sequence[str]
    _held: str = field(default="", init=False)
    _openers: frozenset[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._openers = frozenset(marker[0] for marker in self.markers)

    def push(self, delta: str) -> tuple[str, bool]:
        """Text that is certainly not part of a stop string, and whether one was found (then it is all there is)."""
        if not self._held and self._openers.isdisjoint(delta):
            return delta, False
        text = self._held + delta
        found = [(text.find(marker) + len(marker), text.find(marker)) for marker in self.markers if marker in text]
        if found:
            self._held = ""
            return text[: min(found)[1]], True
        keep = self._longest_prefix(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False

    def flush(self) -> str:
        """What was held, once nothing more comes."""
        held, self._held = self._held, ""
        return held

    def _longest_prefix(self, text: str) -> int:
        longest = max(len(marker) for marker in self.markers) - 1
        for size in range(min(longest, len(text)), 0, -1):
            tail = text[-size:]
            if tail[0] in self._openers and any(marker.startswith(tail) for marker in self.markers):
                return size
        return 0


@define
class Reply:
    """One reply as it grows. `text`: everything that was passed on, which is what the history will hold.

    `format`: how this model sets thoughts and calls apart from its answer; without a cleaner nothing is set apart.
    `stopped`: a stop string was found, so that nothing can be added to it any more.
    """

    stops: StopStrings
    cleaner: Cleaner | None = None
    format: ReplyFormat = field(factory=ReplyFormat)
    stopped: bool = field(default=False, init=False)
    _blocks: Blocks = field(init=False)
    _parts: list[str] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self._blocks = Blocks(self.format)
        for piece in self.format.opening:
            self._cleaned(piece)  # the prompt's own last words: nobody hears them

    @property
    def text(self) -> str:
        """The concatenation of everything passed on."""
        return "".join(self._parts)

    def push(self, delta: str) -> str:
        """The engine's new text -> the text to send now; after a stop string (`stopped`) nothing more comes."""
        if self.stopped:
            return ""
        if delta.__class__ is Control:
            # No stop string goes on behind a token that is no text.
            return self._pass_on(self._cleaned(self.stops.flush()) + self._cleaned(delta))
        text, self.stopped = self.stops.push(delta)
        if self._blocks.reads:
            text = self._blocks.push(text)
        return self._pass_on(self.cleaner.push(text) if self.cleaner else text)

    def finish(self) -> str:
        """The rest of the text, at the normal end of the generation."""
        rest = "" if self.stopped else self.stops.flush()
        if self.cleaner:
            rest = (self._cleaned(rest) if rest else "") + self.cleaner.flush()
        return self._pass_on(rest)

    def _cleaned(self, piece: str) -> str:
        if self.cleaner is None:
            return str(piece)
        if piece.__class__ is Control or self._blocks.reads:
            piece = self._blocks.push(piece)
        return self.cleaner.push(piece)

    def _pass_on(self, text: str) -> str:
        if text:
            self._parts.append(text)
        return text


__all__ = ["Cleaner", "Reply", "StopStrings"]
