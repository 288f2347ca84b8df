"""The table of markers, made ready for finding them character by character."""

import re
from functools import lru_cache

from attrs import field, frozen

from engines.prompts.markers import BLOCKS, HARMONY, Block, Kind, folded

_TAG = re.compile(r"</[\w:]+>")


@frozen
class Markers:
    """Some markers, folded, with all their beginnings. Their first characters occur nowhere else in a marker."""

    texts: frozenset[str]
    begun: frozenset[str] = field(init=False)
    first: re.Pattern[str] = field(init=False)

    @begun.default
    def _all_begun(self) -> frozenset[str]:
        return frozenset(text[:size] for text in self.texts for size in range(1, len(text) + 1))

    @first.default
    def _any_first(self) -> re.Pattern[str]:
        return re.compile("[" + re.escape("".join(sorted({text[0] for text in self.texts}))) + "]")


@lru_cache(maxsize=64)
def markers(*texts: str) -> Markers:
    """These markers."""
    return Markers(frozenset(map(folded, texts)))


OPENERS: dict[str, Block] = {folded(block.opener): block for block in BLOCKS}

CHANNEL, START, MESSAGE = folded(HARMONY.channel), folded(HARMONY.start), folded(HARMONY.message)
HEADERS = frozenset((CHANNEL, START))
IN_HEADER = markers(HARMONY.channel, HARMONY.start, HARMONY.message)
IN_CHANNEL = markers(*HARMONY.ends, HARMONY.channel, HARMONY.start)

_THOUGHTS = [block for block in BLOCKS if block.kind is not Kind.TOOL_CALL]
AFTER_THOUGHTS = markers(
    *(closer for block in _THOUGHTS for closer in block.closers), *HARMONY.ends, HARMONY.channel, HARMONY.start
)
"""What ends a block that the prompt opened."""

_CLOSERS = [closer for block in BLOCKS for closer in block.closers if not closer.endswith("_id|>")]
STRAY = frozenset(folded(closer) for closer in _CLOSERS if not _TAG.fullmatch(closer))
"""Closing markers without their opener leave a gap; those that are tags are left to the tags."""

STRAY_TAGS = frozenset(folded(closer)[2:-1] for closer in _CLOSERS if _TAG.fullmatch(closer))
OUTSIDE = markers(*OPENERS, *HEADERS, *STRAY)

__all__ = [
    "AFTER_THOUGHTS",
    "CHANNEL",
    "HEADERS",
    "IN_CHANNEL",
    "IN_HEADER",
    "MESSAGE",
    "OPENERS",
    "OUTSIDE",
    "START",
    "STRAY_TAGS",
    "Markers",
    "markers",
]
