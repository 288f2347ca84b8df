"""A batch as rectangles of texts: fewer calls of the network against less padding, whichever is quicker.

On a CPU every padded place costs what a word costs, so that one long text in a batch of short ones can make it slower
than its texts one by one. On a GPU a call costs more than the padding of any batch.
"""

import math
import time
from collections.abc import Callable, Sequence
from itertools import accumulate

ONE = math.inf
"""The overhead at which a batch is always one rectangle."""
_TRIES = 3


def rectangles(widths: Sequence[int], overhead: float) -> list[list[int]]:
    """Places of `widths` grouped so that the whole costs least, where a group costs its rows times its widest row.

    `overhead`: what a group costs besides, in the same unit, tokens. Texts of one width are never parted.
    """
    places: dict[int, list[int]] = {}
    for place, width in enumerate(widths):
        places.setdefault(width, []).append(place)
    steps = sorted(places)
    if overhead == ONE or len(steps) < 2:
        return [list(range(len(widths)))]
    rows = [0, *accumulate(len(places[width]) for width in steps)]
    # best[n]: the least that the n narrowest widths cost, and where their last group begins.
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end, width in enumerate(steps, start=1):
        best.append(min((best[begin][0] + overhead + (rows[end] - rows[begin]) * width, begin) for begin in range(end)))
    groups: list[list[int]] = []
    end = len(steps)
    while end:
        begin = best[end][1]
        groups.append([place for width in steps[begin:end] for place in places[width]])
        end = begin
    return groups


def measured_overhead(
    infer: Callable[[int], object], long: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    """What a call of the network costs besides its tokens, in tokens. `infer` reads one text of so many tokens."""
    short = max(1, long // 16)
    short_s, long_s = _quickest(infer, short, clock), _quickest(infer, long, clock)
    token_s = (long_s - short_s) / (long - short) if long > short else 0.0
    # As quick with many tokens as with few: only calls cost anything.
    return max(0.0, short_s / token_s - short) if token_s > 0 else ONE


def _quickest(infer: Callable[[int], object], tokens: int, clock: Callable[[], float]) -> float:
    """Seconds of the quickest of a few: the one that the rest of the machine disturbed least."""
    found = math.inf
    for _ in range(_TRIES):
        begun = clock()
        infer(tokens)
        found = min(found, clock() - begun)
    return found


__all__ = ["ONE", "measured_overhead", "rectangles"]
