"""A model's reply format, decided once from its tokenizer and template."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from engines.base import Control
from engines.prompts.control import literals
from engines.prompts.controls import Controls
from engines.prompts.markers import BLOCKS, HARMONY, Kind, folded, name_in
from engines.prompts.reply_format import ReplyFormat, Shape, is_known
from engines.prompts.template import Template

_THOUGHTS = (Kind.REASONING, Kind.CHANNEL)


def reply_format(template: Template, controls: Controls, stop_ids: Collection[int]) -> ReplyFormat:
    """The format of a model. `stop_ids`: tokens that end its replies, and are never in them."""
    own = dict(_own_blocks(template, controls.tokens.values()))
    by_token = frozenset(filter(is_known, controls.tokens.values())).union(own, *own.values())
    known = frozenset(map(folded, (*by_token, *controls.texts)))
    ends = by_token.intersection((*HARMONY.ends, HARMONY.start, HARMONY.channel))
    channels = {HARMONY.channel, HARMONY.message, HARMONY.end} <= by_token
    return ReplyFormat(
        shape=_shape(known, own),
        tokens={
            id_: text
            for id_, text in controls.tokens.items()
            if (id_ in controls.special or text in by_token) and id_ not in stop_ids
        },
        blocks=own | {opener: closers for opener in by_token if (closers := _closers(opener, by_token))},
        channel_ends=frozenset(ends) if channels else frozenset(),
        opening=tuple(_pieces(_left_open(template.generation, known, own), by_token)),
    )


def _own_blocks(template: Template, tokens: Iterable[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Blocks of a family that the table has not: tokens that the template writes around thoughts or calls alone."""
    pattern = literals(tokens)
    if pattern is None:
        return
    elsewhere = {*pattern.findall(template.talk), *pattern.findall(template.endings.last)}

    def alone(text: str) -> list[str]:
        return [token for token in pattern.findall(text) if token not in elsewhere]

    thought, call = template.thought, template.call
    # A thought is over at the first such token behind it. If that is an ordinary end of a message, all goes that stands
    # before the answer, the header of a second message (Solar).
    closers = alone(thought.behind)[:1] or pattern.findall(thought.behind)[-1:]
    found = [(alone(thought.before), closers), (alone(call.before), alone(call.behind)[-1:])]
    for openers, closers in found:
        if openers and closers and not is_known(openers[0]):
            yield openers[0], frozenset(closers)


def _closers(opener: str, by_token: Collection[str]) -> frozenset[str]:
    """The tokens that end the block which a token begins, none if it begins none."""
    closers = {folded(text) for block in BLOCKS if folded(block.opener) == folded(opener) for text in block.closers}
    return frozenset(text for text in by_token if folded(text) in closers)


def _shape(known: Collection[str], own: Collection[str]) -> Shape:
    kinds = {block.kind for block in BLOCKS if folded(block.opener) in known}
    if Kind.CHANNEL in kinds or (HARMONY.channel in known and HARMONY.message in known):
        return Shape.CHANNELS
    return Shape.TAGS if own or Kind.REASONING in kinds else Shape.PLAIN


def _left_open(generation: str, known: Collection[str], own: Mapping[str, Iterable[str]]) -> str:
    """The end of the generation prompt from where a thought, or a header, begins and does not end."""
    if HARMONY.message in known and (header := _open_header(generation)):
        return header
    opened, told = -1, folded(generation)
    thoughts: dict[str, Iterable[str]] = {each.opener: each.closers for each in BLOCKS if each.kind in _THOUGHTS}
    for opener, closers in (thoughts | dict(own)).items():
        at = told.rfind(folded(opener))
        if at > max([opened, *(told.rfind(folded(closer)) for closer in closers)]):
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
    channel = name_in(named.partition(HARMONY.channel)[2])
    closed = any(end in text for end in HARMONY.ends)
    return header if channel and channel != HARMONY.answer and not closed else ""


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
