"""One signal's way to its receiver: a request at a time, in a thread that nobody waits for longer than agreed."""

from collections.abc import Callable

import structlog
import trio
from attrs import define, field

from runtime.telemetry.otlp.sender import TIMED_OUT, Outcome, Sender
from runtime.telemetry.otlp.troubles import Troubles

log = structlog.get_logger()
SEND_S = 10.0
"""For one request, from encoding to answer: OpenTelemetry's default."""


@define(eq=False)
class Lane:
    """Sends. `signal`: traces or metrics.

    A request that is given up keeps its thread, and with it the lane, until the receiver or the socket's own timeout
    ends it: one that hangs holds a thread, and not one more with each attempt.
    """

    signal: str
    sender: Sender
    troubles: Troubles
    _limiter: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(1))
    _told: bool = False

    async def send(self, encode: Callable[[], bytes], timeout_s: float = SEND_S) -> Outcome:
        """Encode and send. A failure, a mistake of ours included, is an outcome."""
        outcome = TIMED_OUT
        try:
            with trio.move_on_after(timeout_s):
                outcome = await trio.to_thread.run_sync(
                    self._work, encode, timeout_s, abandon_on_cancel=True, limiter=self._limiter
                )
        except Exception as error:  # a barrier: no server ends because of its telemetry
            outcome = self.mistake(error)
        return outcome

    def mistake(self, error: Exception) -> Outcome:
        """What a mistake of ours is told as: whole once, and from then on in a word."""
        if not self._told:
            self._told = True
            log.error("telemetry.failed", what=self.signal, exc_info=error)
        return Outcome(why=type(error).__name__)

    def tell(self, outcome: Outcome) -> None:
        """Have it in the log, if it belongs there."""
        if outcome.why is not None:
            self.troubles.failed(self.signal, outcome.why, outcome.check)
        elif outcome.rejected:
            self.troubles.failed(self.signal, "taken in part")
        else:
            self.troubles.worked(self.signal)

    async def settle(self) -> None:
        """Wait for what is on its way."""
        async with self._limiter:
            pass

    def close(self) -> None:
        """Give the connection back."""
        self.sender.close()

    def _work(self, encode: Callable[[], bytes], timeout_s: float) -> Outcome:
        return self.sender.send(encode(), timeout_s)


__all__ = ["SEND_S", "Lane"]
