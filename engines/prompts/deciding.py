"""A model's reply format, decided once from its tokenizer and template."""

from collections.abc import Collection, Iterator

from engines.base import Control
from engines.prompts.control import literals
from engines.prompts.controls import Controls
from engines.prompts.markers import BLOCKS, HARMONY, Kind
from engines.prompts.reply_format import EVERY_MARKER, ReplyFormat, Shape
from engines.prompts.template import Template

_THOUGHTS = (Kind.REASONING, Kind.CHANNEL)


def reply_format(template: Template, controls: Controls, stop_ids: Collection[int]) -> ReplyFormat:
    """The format of a model. `stop_ids`: tokens that end its replies, and are never in them."""
    by_token = {text for text in controls.tokens.values() if text in EVERY_MARKER}
    known = {*by_token, *controls.texts}
    closers = {block.opener: by_token.intersection(block.closers) for block in BLOCKS if block.opener in by_token}
    ends = by_token.intersection((*HARMONY.ends, HARMONY.start, HARMONY.channel))
    channels = {HARMONY.channel, HARMONY.message, HARMONY.end} <= by_token
    return ReplyFormat(
        shape=_shape(known),
        tokens={
            id_: text
            for id_, text in controls.tokens.items()
            if (id_ in controls.special or text in EVERY_MARKER) and id_ not in stop_ids
        },
        blocks={opener: frozenset(found) for opener, found in closers.items() if found},
        channel_ends=frozenset(ends) if channels else frozenset(),
        opening=tuple(_pieces(_left_open(template.generation, known), by_token)),
    )


def _shape(known: Collection[str]) -> Shape:
    kinds = {block.kind for block in BLOCKS if block.opener in known}
    if Kind.CHANNEL in kinds or (HARMONY.channel in known and HARMONY.message in known):
        return Shape.CHANNELS
    return Shape.TAGS if Kind.REASONING in kinds else Shape.PLAIN


def _left_open(generation: str, known: Collection[str]) -> str:
    """The end of the generation prompt from where a thought, or a header, begins and does not end."""
    if HARMONY.message in known and (header := _open_header(generation)):
        return header
    opened = -1
    for block in BLOCKS:
        at = generation.rfind(block.opener) if block.kind in _THOUGHTS else -1
        if at > max([opened, *(generation.rfind(closer) for closer in block.closers)]):
            opened = at
    return generation[opened:] if opened >= 0 else ""


def _open_header(generation: str) -> str:
    """A header of the channels' format without its text, or with that of a channel which is not the answer's."""
    if HARMONY.start not in generation:
        return ""
    header = generation[generation.rfind(HARMONY.start) :]
    named, told, text = header.partition(HARMONY.message)
    if not told:
        return header
    channel = named.partition(HARMONY.channel)[2].split()[:1]
    closed = any(end in text for end in HARMONY.ends)
    return header if channel and channel != [HARMONY.answer] and not closed else ""


def _pieces(text: str, tokens: Collection[str]) -> Iterator[str]:
    """A text as a reply would bring it: its tokens as such, what is between them as text."""
    pattern, at = literals(tokens), 0
    for found in pattern.finditer(text) if pattern else ():
        if found.start() > at:
            yield text[at : found.start()]
        yield Control(found.group())
        at = found.end()
    if at < len(text):
        yield text[at:]


__all__ = ["reply_format"]
