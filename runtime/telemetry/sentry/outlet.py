"""The way out to Sentry: the loop notes an error, and everything else happens in threads."""

import time
from collections import deque
from collections.abc import Callable

import trio
from attrs import define, evolve, field
from sentry_sdk import Client

from actors.happenings import Happening
from runtime.settings import Settings
from runtime.telemetry.sentry.client import Losses, open_client
from runtime.telemetry.sentry.events import event_of
from runtime.telemetry.sentry.incidents import Incident, incidents
from runtime.telemetry.sentry.limit import Limiter

MAX_WAITING = 64


@define(eq=False)
class SentryOutlet:
    """Tells Sentry what went wrong. `tags`: of every event."""

    client: Client
    losses: Losses
    tags: dict[str, str]
    clock: Callable[[], float] = time.monotonic
    paces: bool = False
    _limiter: Limiter = field(init=False)
    _waiting: deque[Incident] = field(factory=deque)
    _news: trio.Event = field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self._limiter = Limiter(self.clock)

    def report(self, happening: Happening) -> None:
        """Note what it says of errors."""
        for incident in incidents(happening):
            suppressed = self._limiter.admit(incident.kind)
            if suppressed is None:
                continue
            if len(self._waiting) >= MAX_WAITING:
                self.losses.lost("full_queue")
                continue
            self._waiting.append(evolve(incident, suppressed=suppressed))
            self._news.set()

    async def run(self, look: object) -> None:
        """Hand what was noted to the SDK, in a thread: an event costs half a millisecond, one with causes some."""
        while True:
            await self._news.wait()
            self._news = trio.Event()
            try:
                await trio.to_thread.run_sync(self._hand_over)
            except Exception as error:  # a barrier: no turn ends because Sentry cannot be told of another one
                self.losses.lost(type(error).__name__)

    async def close(self, timeout_s: float) -> None:
        """Send what is left, in a thread that is not waited for any longer than that."""
        await trio.to_thread.run_sync(self.finish, timeout_s, abandon_on_cancel=True)

    def finish(self, timeout_s: float) -> None:
        """Send what is left; blocks no longer than that."""
        deadline = self.clock() + timeout_s
        self._hand_over()
        self.client.close(timeout=max(0.0, deadline - self.clock()))

    def _hand_over(self) -> None:
        while self._waiting:
            event = event_of(self._waiting.popleft(), self.tags)
            self.client.capture_event(event)  # type: ignore[arg-type]  # a TypedDict


def open_sentry(settings: Settings, clock: Callable[[], float] = time.monotonic) -> SentryOutlet:
    """The outlet that the settings ask for. `clock`: seconds that only go forward."""
    telemetry = settings.telemetry
    assert telemetry.sentry_dsn is not None, "nobody asked for Sentry"
    losses = Losses(clock)
    platform = telemetry.cloud_platform
    return SentryOutlet(
        open_client(telemetry.sentry_dsn.reveal(), settings, losses),
        losses,
        {} if platform is None else {"cloud_platform": platform},
        clock,
    )


__all__ = ["SentryOutlet", "open_sentry"]
