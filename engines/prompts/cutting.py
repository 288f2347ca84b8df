"""Texts cut to a number of tokens, on a token boundary that leaves whole characters, and counted again.

Only as much of a text is looked at as it takes: a client's text can be a thousand times what is left of it.
"""

from collections.abc import Callable, Iterator

from engines.prompts.control import Plain
from engines.prompts.encoder import Encoder

Neutralize = Callable[[str], Plain]

MARGIN_TOKENS = 64
"""Tokens that must lie behind a cut for the end of what was looked at not to matter."""

CHARS_PER_TOKEN = 8
"""More than the average of any language: most cuts are found in the first look."""


def cut_start(encoder: Encoder, text: str, tokens: int, neutralize: Neutralize = Plain) -> tuple[str, int]:
    """The start of `text`, cut at a token, that has at most `tokens`; and how many it has.

    Counted on neutralised text; the text returned is a start of the one given. A limit below the first character's
    tokens leaves the empty text.
    """
    if encoder.located is None:
        return _by_length(encoder, text, tokens, neutralize, lambda length: text[:length])
    for length in _looks(text, tokens):
        plain = neutralize(text[:length])
        ids, span = encoder.located(plain.text)
        if len(ids) > tokens + MARGIN_TOKENS:
            break
    if len(ids) <= tokens:
        return text, len(ids)
    keep, cost = tokens, 0
    while keep > 0:
        if span(keep)[0] >= span(keep - 1)[1]:  # the next token begins a character of its own
            kept = text[: plain.source(span(keep - 1)[1])]
            cost = encoder.count(neutralize(kept).text)
            if cost <= tokens:
                return kept, cost
        keep -= max(1, cost - tokens)
    return "", 0


def cut_end(encoder: Encoder, text: str, tokens: int, neutralize: Neutralize = Plain) -> tuple[str, int]:
    """The same for the end of `text`, without the blanks that the cut leaves in front."""
    if encoder.located is None:
        return _by_length(encoder, text, tokens, neutralize, lambda length: text[len(text) - length :].lstrip())
    for length in _looks(text, tokens):
        end = text[len(text) - length :]
        plain = neutralize(end)
        ids, span = encoder.located(plain.text)
        if len(ids) > tokens + MARGIN_TOKENS:
            break
    if len(ids) <= tokens:
        return text, len(ids)
    first, cost = len(ids) - max(0, tokens), 0
    while first < len(ids):
        if span(first)[0] >= span(first - 1)[1]:
            kept = end[plain.source(span(first)[0]) :].lstrip()
            cost = encoder.count(neutralize(kept).text)
            if cost <= tokens:
                return kept, cost
        first += max(1, cost - tokens)
    return "", 0


def _looks(text: str, tokens: int) -> Iterator[int]:
    """Ever longer parts of a text, in characters; the last one is all of it."""
    length = (max(0, tokens) + MARGIN_TOKENS) * CHARS_PER_TOKEN
    while length < len(text):
        yield length
        length *= 4
    yield len(text)


def _by_length(
    encoder: Encoder, text: str, tokens: int, neutralize: Neutralize, kept: Callable[[int], str]
) -> tuple[str, int]:
    """By halving the length, for a tokenizer that cannot say where its tokens lie."""

    def measured(length: int) -> tuple[int, str]:
        piece = kept(length)
        return encoder.count(neutralize(piece).text), piece

    cost, _ = measured(len(text))
    if cost <= tokens:
        return text, cost
    low, high, best = 0, len(text), (0, "")
    while high - low > 1:
        middle = (low + high) // 2
        attempt = measured(middle)
        if attempt[0] <= tokens:
            low, best = middle, attempt
        else:
            high = middle
    return best[1], best[0]


__all__ = ["Neutralize", "cut_end", "cut_start"]
