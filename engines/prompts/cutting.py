"""Texts cut to a number of tokens, on a token boundary that leaves whole characters, and counted again."""

from collections.abc import Callable

from engines.prompts.control import Plain
from engines.prompts.encoder import Encoder

Neutralize = Callable[[str], Plain]


def cut_start(encoder: Encoder, text: str, tokens: int, neutralize: Neutralize = Plain) -> tuple[str, int]:
    """The start of `text`, cut at a token, that has at most `tokens`; and how many it has.

    Counted on neutralised text; the text returned is a start of the one given. A limit below the first character's
    tokens leaves the empty text.
    """
    plain = neutralize(text)
    if encoder.located is None:
        return _by_length(encoder, text, tokens, neutralize, lambda length: text[:length])
    _, spans = encoder.located(plain.text)
    if len(spans) <= tokens:
        return text, len(spans)
    keep, cost = tokens, 0
    while keep > 0:
        if spans[keep][0] >= spans[keep - 1][1]:  # the next token begins a character of its own
            kept = text[: plain.source(spans[keep - 1][1])]
            cost = encoder.count(neutralize(kept).text)
            if cost <= tokens:
                return kept, cost
        keep -= max(1, cost - tokens)
    return "", 0


def cut_end(encoder: Encoder, text: str, tokens: int, neutralize: Neutralize = Plain) -> tuple[str, int]:
    """The same for the end of `text`, without the blanks that the cut leaves in front."""
    plain = neutralize(text)
    if encoder.located is None:
        return _by_length(encoder, text, tokens, neutralize, lambda length: text[len(text) - length :].lstrip())
    _, spans = encoder.located(plain.text)
    if len(spans) <= tokens:
        return text, len(spans)
    first, cost = len(spans) - max(0, tokens), 0
    while first < len(spans):
        if spans[first][0] >= spans[first - 1][1]:
            kept = text[plain.source(spans[first][0]) :].lstrip()
            cost = encoder.count(neutralize(kept).text)
            if cost <= tokens:
                return kept, cost
        first += max(1, cost - tokens)
    return "", 0


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
