"""How long to wait before another attempt. No clock; the caller brings it, and throws the dice."""

import random

from attrs import field, frozen

from .errors import ConnectError, ConnectionLost, ServerError, YapError

COME_BACK = frozenset({"server_at_capacity", "server_busy"})
"""Error codes that say: not now."""


@frozen(kw_only=True)
class Backoff:
    """Pauses of `first_s`, doubling up to `most_s`, of which a random share up to `jitter` is taken away.

    `attempts`: how many there are in all; 1: no second one. A pause is never shorter than the server asks for with
    `retry_in`; where that is longer than `patience_s`, there is no other attempt.
    """

    attempts: int = field(default=5)
    first_s: float = 0.5
    most_s: float = 8.0
    jitter: float = 0.5
    patience_s: float = 30.0

    @attempts.validator
    def _at_least_one(self, _attribute: object, value: int) -> None:
        if value < 1:
            raise ValueError("attempts must be at least 1")

    def pause_s(self, attempt: int, error: YapError, dice: float) -> float | None:
        """Seconds before the next attempt after number `attempt` (from 1) ended with `error`; None: give up.

        `dice`: a random number from 0 to 1.
        """
        if attempt >= self.attempts or not passing(error):
            return None
        asked = error.retry_in_s if isinstance(error, ServerError) else None
        if asked is not None and asked > self.patience_s:
            return None
        usual = min(self.most_s, self.first_s * 2.0 ** min(attempt - 1, 30))
        pause = usual * (1 - self.jitter * dice)
        # What the server asks for is asked of everybody: jitter comes on top, or all would come back at once.
        return pause if asked is None else asked + pause


def passing(error: YapError) -> bool:
    """Whether another attempt may fare better. A refused key never does."""
    if isinstance(error, ServerError):
        return error.code in COME_BACK
    if isinstance(error, ConnectError):
        return error.passing
    return isinstance(error, ConnectionLost)


def dice() -> float:
    """A throw for `Backoff.pause_s`."""
    return random.random()  # noqa: S311  # it only keeps clients from coming back all at once


__all__ = ["COME_BACK", "Backoff", "dice", "passing"]
