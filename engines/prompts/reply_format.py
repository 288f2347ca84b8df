"""How a model sets its thoughts and calls apart from its answer: what every reply of it is read by. Pure data."""

import enum
from collections.abc import Mapping

from attrs import field, frozen

from engines.prompts.markers import BLOCKS, HARMONY, folded

EVERY_MARKER = frozenset(
    {marker for block in BLOCKS for marker in (block.opener, *block.closers)}
    | {HARMONY.start, HARMONY.channel, HARMONY.message, *HARMONY.ends}
)
"""Every marker of thoughts and calls that any model uses."""

_FOLDED = frozenset(map(folded, EVERY_MARKER))


def is_known(text: str) -> bool:
    """Whether a text is one of them, as the sanitizer would take it."""
    return folded(text) in _FOLDED


class Shape(enum.Enum):
    """The kinds of format. PLAIN: the answer is all there is, as far as the model's own files say."""

    PLAIN = "plain"
    TAGS = "tags"
    CHANNELS = "channels"


@frozen(kw_only=True)
class ReplyFormat:
    """What of a reply can be told by its tokens. The same markers as text are known for every model: the sanitizer's.

    `tokens`: texts by id of the control tokens that a reply may hold, its ends aside. `blocks`: for an opener that is a
    token, the tokens that close it. `channel_ends`: the tokens that end the text of a channel, where channels are
    parted by tokens. `opening`: the block that the generation prompt leaves open, so that a reply begins inside it.
    """

    shape: Shape = Shape.PLAIN
    tokens: Mapping[int, str] = field(factory=dict, repr=False)
    blocks: Mapping[str, frozenset[str]] = field(factory=dict, repr=False)
    channel_ends: frozenset[str] = field(default=frozenset(), repr=False)
    opening: tuple[str, ...] = ()


__all__ = ["EVERY_MARKER", "ReplyFormat", "Shape", "is_known"]
