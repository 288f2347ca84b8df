"""Sentry's SDK: a client of our own with everything off that gathers, and one line a minute when events do not arrive.

It is no global client: whoever else in the process uses the SDK has that to himself, and nothing of it gets in here.
"""

import logging
import math
import threading
from collections.abc import Callable

import structlog
from attrs import define, field
from sentry_sdk import Client, HttpTransport
from sentry_sdk.types import Event as SdkEvent
from sentry_sdk.types import Hint

from runtime.settings import Settings
from runtime.telemetry.sentry.events import scrub

log = structlog.get_logger()
TELL_EVERY_S = 60.0
REQUEST_TIMEOUT_S = 10
WORKER = "sentry-sdk.BackgroundWorker"
"""Name of the SDK's thread that sends."""


@define(eq=False)
class Losses:
    """Events that did not arrive: a warning a minute at the most, from whichever thread."""

    clock: Callable[[], float]
    _told_at: float = -math.inf
    _untold: int = 0
    _lock: threading.Lock = field(factory=threading.Lock)

    def lost(self, why: str) -> None:
        """One more. `why`: `network`, `status_403` and the like."""
        with self._lock:
            self._untold += 1
            now = self.clock()
            if now - self._told_at < TELL_EVERY_S:
                return
            lost, self._told_at, self._untold = self._untold, now, 0
        log.warning("sentry.events_lost", why=why, lost=lost, check="SENTRY_DSN")


def open_client(dsn: str, settings: Settings, losses: Losses) -> Client:
    """A client whose thread sends. Everything in an event comes from us: it is never given a scope."""
    _hush()
    telemetry = settings.telemetry
    return Client(
        dsn,
        environment=telemetry.sentry_environment,
        release=telemetry.sentry_release or "",  # None: it would ask git, in a process of its own
        sample_rate=telemetry.sentry_sample_rate,
        transport=_transport(losses),
        before_send=_before_send,
        # Our barriers report what they catch, and everything is caught. An integration works for the global client, of
        # which there is none; what deduplication would do is done by `Limiter`.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[],
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        auto_session_tracking=False,
        enable_logs=False,
        propagate_traces=False,
        traces_sample_rate=None,
        server_name="",
        max_request_body_size="never",
        send_client_reports=False,
        shutdown_timeout=1,
        # Each of these would otherwise be looked up in the environment, or start a thread.
        debug=False,
        spotlight=False,
        project_root="",
        enable_backpressure_handling=False,
    )


def _before_send(event: SdkEvent, _hint: Hint) -> SdkEvent:
    return scrub(event)  # type: ignore[arg-type,return-value]  # a TypedDict with a hundred keys


def _transport(losses: Losses) -> type[HttpTransport]:
    class Transport(HttpTransport):
        TIMEOUT = REQUEST_TIMEOUT_S

        def on_dropped_event(self, _reason: str) -> None:
            losses.lost(_reason)

    return Transport


def _hush() -> None:
    """Have the HTTP library say nothing of the SDK's requests, of which `Losses` tells; of all others it still does."""
    logger = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(each, _NotOfSentry) for each in logger.filters):
        logger.addFilter(_NotOfSentry())


class _NotOfSentry(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.threadName != WORKER


__all__ = ["REQUEST_TIMEOUT_S", "TELL_EVERY_S", "Losses", "open_client"]
