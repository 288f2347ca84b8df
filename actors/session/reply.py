"""From the engine's text to what the client hears: stop strings, then the sanitizer. Pure; one per generation."""

from collections.abc import Sequence
from typing import Protocol

from attrs import define, field


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

    `stopped`: a stop string was found, so that nothing can be added to it any more.
    """

    stops: StopStrings
    cleaner: Cleaner | None = None
    stopped: bool = field(default=False, init=False)
    _parts: list[str] = field(factory=list, init=False)

    @property
    def text(self) -> str:
        """The concatenation of everything passed on."""
        return "".join(self._parts)

    def push(self, delta: str) -> str:
        """The engine's new text -> the text to send now; after a stop string (`stopped`) nothing more comes."""
        if self.stopped:
            return ""
        text, self.stopped = self.stops.push(delta)
        return self._pass_on(self.cleaner.push(text) if self.cleaner else text)

    def finish(self) -> str:
        """The rest of the text, at the normal end of the generation."""
        rest = "" if self.stopped else self.stops.flush()
        if self.cleaner:
            rest = (self.cleaner.push(rest) if rest else "") + self.cleaner.flush()
        return self._pass_on(rest)

    def _pass_on(self, text: str) -> str:
        if text:
            self._parts.append(text)
        return text


__all__ = ["Cleaner", "Reply", "StopStrings"]
