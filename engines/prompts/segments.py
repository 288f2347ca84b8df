"""A prompt's ids from those of its pieces, so that what an earlier prompt held need not be tokenised again.

A tokenizer takes the added tokens out of a text first and then works on what lies between, piece by piece. So a text
cut in front of such a token has the ids of its two parts, one after the other. That holds unless the token reaches
into the text before it (`lstrip`), asks what stands beside it (`single_word`), or is found after normalising only.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Protocol

from engines.prompts.control import literals, matches
from engines.prompts.encoder import AddedToken, Encoder


class Known(Protocol):
    """Ids by text; one that is asked for the first time is worked out."""

    def __getitem__(self, text: str, /) -> Sequence[int]:
        """Ids of a piece."""


class Segments:
    """Ids of rendered prompts, equal to those of the encoder on the whole text. Keeps nothing of a text."""

    def __init__(self, encoder: Encoder, added: Iterable[AddedToken]) -> None:
        self._encoder = encoder
        early = [token for token in added if not token.normalized]
        self._safe = frozenset(token.content for token in early if not (token.lstrip or token.single_word))
        # All of them are searched, not only the safe ones: a longer token may hold a safe one.
        greedy = any(token.rstrip or token.lstrip for token in early)
        overlapping = greedy and any(token.content[:1].isspace() for token in early)
        usable = encoder.located is not None and self._safe and not overlapping
        self._pattern = literals(token.content for token in early) if usable else None
        self._longest = max((len(token.content) for token in early), default=0)

    def ids(self, text: str, known: Known | None = None) -> list[int]:
        """Ids of a whole text. `known`: ids by piece, as `piece` has them and somebody may keep them."""
        if self._pattern is None:
            return list(self._encoder.ids(text))
        found_at = matches(self._pattern, text, self._longest)
        starts = [match.start() for match in found_at if match.group() in self._safe]
        found: list[int] = []
        for start, end in pairwise([0, *starts, len(text)]):
            if start < end:
                piece = text[start:end]
                found.extend(self.piece(piece) if known is None else known[piece])
        return found

    def piece(self, text: str) -> tuple[int, ...]:
        """Ids of one piece."""
        return tuple(self._encoder.ids(text))


__all__ = ["Known", "Segments"]
