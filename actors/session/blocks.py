"""Thoughts and calls that a model sets apart with tokens: what is between two of them is dropped as it comes.

The markers themselves go on as text, so that the sanitizer has one way to treat them whether they are tokens or not;
what it does not see is the text inside, which may spell such a marker without meaning it. A control token of no
meaning here vanishes.
"""

from attrs import define, field

from engines.base import Control
from engines.prompts.markers import HARMONY, name_in
from engines.prompts.reply_format import ReplyFormat, is_known


@define
class Blocks:
    """Where in one reply the stream is. `reads`: whether ordinary text has to come here too."""

    format: ReplyFormat
    reads: bool = field(default=False, init=False)
    _closers: frozenset[str] = field(default=frozenset(), init=False)
    _header: str | None = field(default=None, init=False)

    def push(self, piece: str) -> str:
        """What of a piece is left for the sanitizer."""
        kept = self._control(piece) if piece.__class__ is Control else self._text(piece)
        self.reads = bool(self._closers) or self._header is not None
        return kept

    def _text(self, text: str) -> str:
        if self._closers:
            return ""
        if self._header is not None:
            self._header += text
        return text

    def _control(self, token: str) -> str:
        if self._closers and token not in self._closers:
            return ""
        header, self._header = self._header, None
        self._closers = self.format.blocks.get(token, frozenset())
        if token == HARMONY.channel and self.format.channel_ends:
            self._header = ""
        elif token == HARMONY.message and header is not None and name_in(header) != HARMONY.answer:
            self._closers = self.format.channel_ends
        elif header is not None and token not in self.format.channel_ends:
            self._header = header  # a token inside the header, such as what the text is constrained to
        return str(token) if is_known(token) else ""


__all__ = ["Blocks"]
