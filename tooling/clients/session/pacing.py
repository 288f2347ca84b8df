"""Keeping below a server's rate limit: so many turns in any window of so many seconds."""

from collections import deque
from collections.abc import Callable

import trio

MARGIN_S = 0.5  # frames reach the server a little later than they are sent, and not all by the same little
TOLD_FROM_S = 1.0


class Pacing:
    """At most `limit` turns in any `window_s` seconds of trio's clock; 0 for either: no limit.

    `note` is told of every pause that a person would notice.
    """

    def __init__(self, limit: int, window_s: float, note: Callable[[str], None]) -> None:
        self._limit = limit
        self._window_s = window_s
        self._note = note
        self._sent: deque[float] = deque(maxlen=limit or 1)

    async def turn(self) -> None:
        """Wait until one more turn may be sent, and count it. Call it just before sending."""
        if not self._limit or not self._window_s:
            return
        if len(self._sent) == self._limit:
            pause_s = self._sent[0] + self._window_s + MARGIN_S - trio.current_time()
            if pause_s >= TOLD_FROM_S:
                self._note(f"pausing {pause_s:.0f} s: at most {self._limit} turns in {self._window_s:g} s")
            await trio.sleep(max(pause_s, 0.0))
        self._sent.append(trio.current_time())


__all__ = ["Pacing"]
