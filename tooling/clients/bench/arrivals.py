"""When conversations begin. Pure: the same plan and seed give the same moments in every process."""

import itertools
import math
import random
from collections.abc import Iterator

from attrs import frozen

CLOSED, BURSTS, CONSTANT, POISSON = "closed", "bursts", "constant", "poisson"
OPEN = (BURSTS, CONSTANT, POISSON)


@frozen(kw_only=True)
class Arrivals:
    """How conversations begin. `closed`: so many at a time, the next one when one ends. `bursts`: `burst_size` of them
    every `window_s` seconds. `constant`, `poisson`: `rate` a second, whatever becomes of the earlier ones.
    `ramp_s`: seconds in which the load grows linearly from nothing to that.
    """

    kind: str = CLOSED
    rate: float = 0.0
    burst_size: int = 0
    window_s: float = 0.0
    ramp_s: float = 0.0

    @property
    def open(self) -> bool:
        """Whether conversations begin by the clock alone."""
        return self.kind in OPEN


def moments(arrivals: Arrivals, seed: int) -> Iterator[float]:
    """Seconds from the start at which the conversations of an open load begin, without end."""
    if arrivals.kind == BURSTS:
        for number in itertools.count():
            yield number // arrivals.burst_size * arrivals.window_s
    elif arrivals.kind == CONSTANT:
        for number in itertools.count():
            yield _ramped(number, arrivals)
    elif arrivals.kind == POISSON:
        dice = random.Random(f"{seed}/arrivals")  # noqa: S311  # chance that can be repeated
        expected = 0.0
        while True:
            expected += dice.expovariate(1.0)
            yield _ramped(expected, arrivals)


def slot_moment(arrivals: Arrivals, slot: int, slots: int) -> float:
    """Seconds from the start at which a closed load of `slots` takes its slot `slot` into use."""
    return arrivals.ramp_s * slot / slots


def _ramped(expected: float, arrivals: Arrivals) -> float:
    """When a load whose rate grows for `ramp_s` seconds has had `expected` arrivals: the inverse of its integral."""
    rate, ramp_s = arrivals.rate, arrivals.ramp_s
    in_ramp = rate * ramp_s / 2
    if expected < in_ramp:
        return math.sqrt(2 * expected * ramp_s / rate)
    return ramp_s + (expected - in_ramp) / rate


__all__ = ["BURSTS", "CLOSED", "CONSTANT", "OPEN", "POISSON", "Arrivals", "moments", "slot_moment"]
