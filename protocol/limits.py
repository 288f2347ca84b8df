"""Limits of the wire: constants of the protocol, what a deployment sets, and the sliding window."""

import math
from collections import deque

from attrs import define, field, frozen

from protocol.errors import PeerProtocolError
from protocol.sampling import DEFAULT_BOUNDS, Bound

HISTORY_MAX_MESSAGES = 512
HISTORY_MAX_CHARS = 200_000
UTTERANCE_MAX_CHARS = 100_000
CANCEL_REASON_MAX_CHARS = 64


@frozen(kw_only=True)
class TurnLimits:
    """What a turn frame may hold in this deployment. `chat`, `tools`: whether a chat model and a router are served."""

    chat: bool = True
    tools: bool = False
    prompt_max_chars: int = 30150
    prompt_max_tokens: int = 1500
    prefix_max_chars: int = 30
    personality_max_chars: int = 20
    bounds: tuple[Bound, ...] = DEFAULT_BOUNDS


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
        details: dict[str, object] = {
            "retry_in": retry_in,
            "limit": self.limit,
            "window_seconds": self.seconds,
            "kind": self.kind,
        }
        if self.kind == "message":
            details["friendly_message"] = f"You're going a little fast. Try again in {retry_in} s."
        return PeerProtocolError(
            "rate_limited",
            f"{self.kind}_rate_limited",
            f"At most {self.limit} {self.kind} frames per {self.seconds:g} s; wait {retry_in} s and send it again.",
            details=details,
        )


__all__ = [
    "CANCEL_REASON_MAX_CHARS",
    "HISTORY_MAX_CHARS",
    "HISTORY_MAX_MESSAGES",
    "UTTERANCE_MAX_CHARS",
    "TurnLimits",
    "Window",
]
