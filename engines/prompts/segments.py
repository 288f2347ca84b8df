"""A prompt's ids from those of its pieces: what an earlier prompt held is not tokenised again.

A tokenizer takes the added tokens out of a text first and then works on what lies between, piece by piece. So a text
cut in front of such a token has the ids of its two parts, one after the other. That holds unless the token reaches
into the text before it (`lstrip`), asks what stands beside it (`single_word`), or is found after normalising only.
"""

from collections.abc import Iterable
from itertools import pairwise

from engines.prompts.cache import TextCache
from engines.prompts.control import literals
from engines.prompts.encoder import AddedToken, Encoder

# Ids weigh about 40 bytes, a token some 4 characters: a full cache holds some 40 MB.
CAPACITY_CHARS = 4_000_000


class Segments:
    """Ids of rendered prompts, equal to those of the encoder on the whole text. Safe to share between threads."""

    def __init__(self, encoder: Encoder, added: Iterable[AddedToken], capacity_chars: int = CAPACITY_CHARS) -> None:
        self._encoder = encoder
        early = [token for token in added if not token.normalized]
        self._safe = frozenset(token.content for token in early if not (token.lstrip or token.single_word))
        # All of them are searched, not only the safe ones: a longer token may hold a safe one.
        greedy = any(token.rstrip or token.lstrip for token in early)
        overlapping = greedy and any(token.content[:1].isspace() for token in early)
        usable = encoder.located is not None and self._safe and not overlapping
        self._pattern = literals(token.content for token in early) if usable else None
        self._cache = TextCache(lambda text: tuple(encoder.ids(text)), capacity_chars)

    def ids(self, text: str) -> list[int]:
        """Ids of a whole text."""
        if self._pattern is None:
            return list(self._encoder.ids(text))
        starts = [match.start() for match in self._pattern.finditer(text) if match.group() in self._safe]
        found: list[int] = []
        for start, end in pairwise([0, *starts, len(text)]):
            if start < end:
                found.extend(self._cache[text[start:end]])
        return found


__all__ = ["CAPACITY_CHARS", "Segments"]
