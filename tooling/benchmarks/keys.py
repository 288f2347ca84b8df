"""`python -m tooling.benchmarks.keys [--json] [--check]`: whether the time of a refusal tells how close a key was.

The server's own check (`runtime.access.check_keys`) is given wrong keys in shuffled order: wrong in the first, the
middle or the last character. Welch's t compares each kind with the first, and the first with itself. The same keys go
through a comparison that stops at the first difference: where even that one cannot be told, the machine was too
restless to show anything, and the figure is missed. Keys of other lengths are left out: reading a longer one takes
longer, whatever the right one is.
"""

import itertools
import math
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median, variance

from protocol.errors import PeerProtocolError
from runtime.access import check_keys
from runtime.heads import RequestHead
from runtime.settings import Secret
from tooling.benchmarks.figures import Figure, Spread, arguments, told

LENGTH = 64
# Checks a sample, for one is shorter than what a clock can tell; and samples of each kind a round.
REPEATS, SAMPLES = 20, 3000
# The bound below which nothing was found is that of dudect (Reparaz, Balasch, Verbauwhede 2017).
QUIET_T, LOUD_T = 4.5, 10.0
# Of each kind so many objects: where one lies in memory is worth a nanosecond or two, which are not its kind's.
OBJECTS = 64
# Of each kind the slowest samples are left out: they are interruptions.
KEPT = 0.8
Check = Callable[[RequestHead], None]


def wrong_keys(key: str) -> dict[str, str]:
    """By what is wrong with it; the last is the first once more, to show what no difference looks like."""
    other = "!"  # in no key that is made here
    half = len(key) // 2
    return {
        "first character": other + key[1:],
        "middle": key[:half] + other + key[half + 1 :],
        "last character": key[:-1] + other,
        "first character again": other + key[1:],
    }


def stops_at_once(candidate: str, key: str) -> bool:
    """The comparison that tells: it ends at the first difference."""
    return len(candidate) == len(key) and all(one == other for one, other in zip(candidate, key, strict=True))


def ours(key: str) -> Check:
    """The server's own check."""
    keys = (Secret(key),)

    def check(head: RequestHead) -> None:
        try:
            check_keys(head, keys)
        except PeerProtocolError:
            return
        raise AssertionError("a wrong key came in")

    return check


def naive(key: str) -> Check:
    """The one that tells, on the same heads."""

    def check(head: RequestHead) -> None:
        assert not stops_at_once(head.headers["x-api-key"][0], key), "a wrong key came in"

    return check


def sampled(check: Check, candidates: Mapping[str, str], shuffled: random.Random) -> dict[str, list[float]]:
    """Nanoseconds a check, in samples of `REPEATS`, of every kind in an order that nobody can foresee."""
    heads: dict[str, list[RequestHead]] = {kind: [] for kind in candidates}
    for _ in range(OBJECTS):
        for kind, text in candidates.items():
            heads[kind].append(_head(text))
    order = [*heads] * SAMPLES
    shuffled.shuffle(order)
    found: dict[str, list[float]] = {kind: [] for kind in heads}
    for kind in order:
        head = shuffled.choice(heads[kind])
        began = time.perf_counter_ns()
        for _ in itertools.repeat(None, REPEATS):
            check(head)
        found[kind].append((time.perf_counter_ns() - began) / REPEATS)
    return {kind: sorted(samples)[: int(len(samples) * KEPT)] for kind, samples in found.items()}


def _head(text: str) -> RequestHead:
    return RequestHead("GET", "/ws", {}, {"x-api-key": (text[:1] + text[1:],)})


def welch(one: Sequence[float], other: Sequence[float]) -> float:
    """Welch's t, without its sign."""
    return abs(fmean(one) - fmean(other)) / math.sqrt(variance(one) / len(one) + variance(other) / len(other))


def largest(samples: Mapping[str, Sequence[float]]) -> float:
    """The largest t of any kind against the first, that one's own again left out."""
    first, *others, _ = samples.values()
    return max(welch(first, other) for other in others)


def run(argv: Sequence[str]) -> int:
    """Measure and say it."""
    options = arguments("keys", __doc__, rounds=5).parse_args(argv)
    rows: list[dict[str, object]] = []
    loudest: dict[str, list[float]] = {"the server's check": [], "stops at the first difference": []}
    nothing: list[float] = []
    for number in range(1, options.rounds + 1):
        shuffled = random.Random(number)  # noqa: S311  # an order, no secret
        key = "".join(shuffled.choices("0123456789abcdef", k=LENGTH))
        for name, check in zip(loudest, (ours(key), naive(key)), strict=True):
            samples = sampled(check, wrong_keys(key), shuffled)
            loudest[name].append(largest(samples))
            if name == "the server's check":
                first, *_, again = samples.values()
                nothing.append(welch(first, again))
            rows.append(
                {"round": number, "comparison": name, **{f"{kind}, ns": median(each) for kind, each in samples.items()}}
            )
    quiet, loud = (Spread.of(each) for each in loudest.values())
    figures = [
        Figure("largest t of a kind of wrong key, the server's check", quiet, "", at_most=QUIET_T),
        Figure("t of one kind against itself, the server's check", Spread.of(nothing), ""),
        Figure("the same where the comparison stops at once (it has to be seen)", loud, "", at_least=LOUD_T),
    ]
    return told(options, rows, figures, print)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
