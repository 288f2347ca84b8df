"""Text out of a growing list of token ids: whole characters only, each shown once.

The library has a detokeniser of its own; ours is used because it leaves the end token out of the text whichever way
the reply ended, and never shows half a character.
"""

from collections.abc import Callable, Mapping, Sequence

from attrs import define, field

from engines.detokenising import Runs

# Stands for bytes that are no character, or not yet one.
_REPLACEMENT = "\ufffd"
# UTF-8 takes four bytes at most, so a character needs at most four tokens; more that do not decode are no character.
_MAX_HELD = 4
# How many tokens of the prompt stand before the reply: whether its first word begins with a blank depends on them.
_CONTEXT = 5


@define(eq=False)
class TextStream:
    """Decodes one reply. `decode` turns ids into text; a window of a few tokens is decoded for each new one.

    A token's text depends on its neighbours, so each step compares the window with and without the new token
    (two decodings of about ten tokens, however long the reply is).
    """

    decode: Callable[[list[int]], str]
    runs: Runs
    _ids: list[int] = field(factory=list, init=False)
    _window: int = field(default=0, init=False)
    _shown: int = field(default=0, init=False)

    @classmethod
    def after(
        cls, prompt_ids: Sequence[int], decode: Callable[[list[int]], str], bytes_of: Mapping[int, int] | None = None
    ) -> "TextStream":
        """A stream for the reply to a prompt. `bytes_of`: bytes of the tokens that stand for one."""
        stream = cls(decode, Runs(bytes_of or {}))
        stream._ids = list(prompt_ids[-_CONTEXT:])
        stream._shown = len(stream._ids)
        return stream

    def add(self, ids: Sequence[int]) -> str:
        """The text that these tokens complete, possibly none."""
        return "".join([self._add(whole) for one in ids for whole in self.runs.push(one)])

    def end(self) -> str:
        """What was held back for half a character that never came whole, without that half."""
        return self._pending().rstrip(_REPLACEMENT) if self._shown < len(self._ids) else ""

    def _add(self, token: int) -> str:
        self._ids.append(token)
        text = self._pending()
        held = len(self._ids) - self._shown
        if not text or (text.endswith(_REPLACEMENT) and held < _MAX_HELD):
            return ""
        # The window keeps the tokens shown last: the next one's text depends on them.
        self._window, self._shown = self._shown, len(self._ids)
        return text

    def _pending(self) -> str:
        before = self.decode(self._ids[self._window : self._shown])
        return self.decode(self._ids[self._window :])[len(before) :]


__all__ = ["TextStream"]
