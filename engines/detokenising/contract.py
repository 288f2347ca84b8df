"""What every way of detokenising does. Special tokens are never skipped: the server decides what of them is shown."""

from collections.abc import Sequence
from typing import Protocol


class ReplyText(Protocol):
    """The text of one reply as its tokens come."""

    def push(self, ids: Sequence[int]) -> str:
        """The text that these tokens complete: whole characters only, possibly none.

        What is no character, or not yet one, waits for the tokens behind it and is left out if none come. An id that
        the vocabulary has not (a model's output is often padded) has no text.
        """


class Detokeniser(Protocol):
    """One vocabulary. `name`: how it works, for the log."""

    @property
    def name(self) -> str:
        """As above."""

    def begin(self, prompt_ids: Sequence[int]) -> ReplyText:
        """The text of the reply to a prompt."""


__all__ = ["Detokeniser", "ReplyText"]
