"""Limits of the wire: constants of the protocol, what a deployment sets, and the sliding window."""

import math
from collections import deque
from collections.abc import Mapping

from attrs import define, field, frozen

from protocol.errors import PeerProtocolError
from protocol.sampling import DEFAULT_BOUNDS, Bound

HISTORY_MAX_MESSAGES = 512
HISTORY_MAX_CHARS = 200_000
UTTERANCE_MAX_CHARS = 100_000
CANCEL_REASON_MAX_CHARS = 64
EXEMPT_WINDOW_S = 60.0
EXEMPT_FRAMES = 4
"""Frames of the greatest size that a connection may send per window without having them counted by a rate limit."""

EXEMPT_CLOSE_CODE = 1008


@frozen(kw_only=True)
class TurnLimits:
    """What a turn frame may hold in this deployment. `chat`, `tools`: whether a chat model and a router are served.

    `reserved_tags`: names, lower case, that `speech.keep_tags` may not hold.
    """

    chat: bool = True
    tools: bool = False
    prompt_max_chars: int = 30150
    prompt_max_tokens: int = 1500
    prefix_max_chars: int = 30
    personality_max_chars: int = 20
    bounds: tuple[Bound, ...] = DEFAULT_BOUNDS
    reserved_tags: frozenset[str] = frozenset()


@define
class Window:
    """A sliding window of at most `limit` events per `seconds`; 0 for either turns it off."""

    kind: str
    limit: int
    seconds: float
    _times: deque[float] = field(factory=deque, init=False)

    def take(self, now: float) -> None:
        """Record one event at `now` (monotonic seconds) or raise `rate_limited`; a refused one is not recorded."""
        if not self.limit or not self.seconds:
            return
        while self._times and self._times[0] <= now - self.seconds:
            self._times.popleft()
        if len(self._times) >= self.limit:
            raise self._refusal(max(1, math.ceil(self._times[0] + self.seconds - now)))
        self._times.append(now)

    def _refusal(self, retry_in: int) -> PeerProtocolError:
        return _rate_limited(
            self.kind,
            f"At most {self.limit} {self.kind} frames per {self.seconds:g} s; wait {retry_in} s and send it again.",
            {"retry_in": retry_in, "limit": self.limit, "window_seconds": self.seconds},
        )


@define
class ByteBudget:
    """A sliding window of at most `limit` bytes per `seconds`, for frames that no rate limit counts; 0: no limit.

    Bytes of a sixtieth of the window are kept together: small frames do not make it grow.
    """

    limit: int = 0
    seconds: float = EXEMPT_WINDOW_S
    _slices: deque[list[float]] = field(factory=deque, init=False, repr=False)
    _spent: float = field(default=0, init=False)

    def take(self, size: int, now: float) -> None:
        """Record `size` bytes at `now` (monotonic seconds), or raise `rate_limited`, after which the server closes."""
        if not self.limit:
            return
        while self._slices and self._slices[0][0] <= now - self.seconds:
            self._spent -= self._slices.popleft()[1]
        if self._spent + size > self.limit:
            oldest = self._slices[0][0] if self._slices else now
            raise self._refusal(max(1, math.ceil(oldest + self.seconds - now)))
        self._spent += size
        if self._slices and now - self._slices[-1][0] < self.seconds / 60:
            self._slices[-1][1] += size
        else:
            self._slices.append([now, size])

    def _refusal(self, retry_in: int) -> PeerProtocolError:
        return _rate_limited(
            "message",
            f"More than {self.limit} bytes of pings, refused and unreadable frames within {self.seconds:g} s; "
            "send less of them.",
            {"retry_in": retry_in, "limit": self.limit, "window_seconds": self.seconds},
            close_code=EXEMPT_CLOSE_CODE,
        )


def _rate_limited(
    kind: str, message: str, numbers: Mapping[str, float], close_code: int | None = None
) -> PeerProtocolError:
    details: dict[str, object] = {**numbers, "kind": kind}
    if kind == "message":
        details["friendly_message"] = f"You're going a little fast. Try again in {numbers['retry_in']} s."
    return PeerProtocolError("rate_limited", f"{kind}_rate_limited", message, details=details, close_code=close_code)


__all__ = [
    "CANCEL_REASON_MAX_CHARS",
    "EXEMPT_FRAMES",
    "HISTORY_MAX_CHARS",
    "HISTORY_MAX_MESSAGES",
    "UTTERANCE_MAX_CHARS",
    "ByteBudget",
    "TurnLimits",
    "Window",
]
