"""Latencies of one turn, all counted from the moment just before its frame was written. No clock in here."""

import itertools
import re

from attrs import define, field, frozen

# The third word counts from its first character; a sentence from the token that holds its closing mark, quotes and
# brackets may follow the mark, and white space or the end of the reply must: so "3.5" ends no sentence.
_THREE_WORDS = re.compile(r"\S+\s+\S+\s+\S")
_SENTENCE = re.compile(r"[.!?](?=[\"'”’»)\]}]*(?:\s|$))")


@frozen(kw_only=True)
class Metrics:
    """Milliseconds from sending; None where the turn never got there. `itl_ms`: gaps between token frames."""

    ttfb_ms: float | None = None
    tool_ms: float | None = None
    three_words_ms: float | None = None
    sentence_ms: float | None = None
    total_ms: float | None = None
    itl_ms: tuple[float, ...] = ()
    chunks: int = 0
    chars: int = 0

    def line(self) -> str:
        """One line for people, whole milliseconds, absent parts left out."""
        named = (
            ("ttfb", self.ttfb_ms),
            ("tool", self.tool_ms),
            ("3w", self.three_words_ms),
            ("sent", self.sentence_ms),
            ("total", self.total_ms),
        )
        parts = [f"{name}={value:.0f}ms" for name, value in named if value is not None]
        return " · ".join([*parts, f"{self.chunks}chunks/{self.chars}chars"])


@define
class TurnMeter:
    """Collects the moments of one turn. All times are monotonic seconds of one clock."""

    sent_at: float
    tool_at: float | None = None
    ended_at: float | None = None
    tokens: list[tuple[str, float]] = field(factory=list)

    def text(self) -> str:
        """What has arrived of the reply."""
        return "".join(text for text, _ in self.tokens)

    def measured(self) -> Metrics:
        """The turn's figures so far."""
        text, times = self.text(), [at for _, at in self.tokens]
        words, sentence = _THREE_WORDS.search(text), _SENTENCE.search(text)
        return Metrics(
            ttfb_ms=self._since(times[0] if times else None),
            tool_ms=self._since(self.tool_at),
            three_words_ms=self._since(self._arrival(words.end() - 1) if words else None),
            sentence_ms=self._since(self._arrival(sentence.start()) if sentence else None),
            total_ms=self._since(self.ended_at),
            itl_ms=tuple((after - before) * 1000 for before, after in itertools.pairwise(times)),
            chunks=len(times),
            chars=len(text),
        )

    def _since(self, at: float | None) -> float | None:
        return None if at is None else (at - self.sent_at) * 1000

    def _arrival(self, index: int) -> float | None:
        """When the character at `index` of the reply came."""
        end = 0
        for text, at in self.tokens:
            end += len(text)
            if index < end:
                return at
        return None


__all__ = ["Metrics", "TurnMeter"]
