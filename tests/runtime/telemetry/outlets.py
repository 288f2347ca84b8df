"""Outlets as a test opens them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from runtime.settings import Settings
from runtime.telemetry.sentry import open_sentry
from runtime.telemetry.sentry.outlet import SentryOutlet
from tests.receivers.sentry import SentryEndpoint


def settings_with(**environment: str) -> Settings:
    """The least settings, and these."""
    least = {"TEXT_API_KEY": "k-1", "MAX_CONCURRENT_CONNECTIONS": "4", "CHAT_MODEL": "owner/name"}
    return Settings.from_env(least | environment)


@attrs.define
class Clock:
    """Seconds that go forward when the test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def opened(dsn: str, clock: Callable[[], float] | None = None, **environment: str) -> SentryOutlet:
    """An outlet to a data source name."""
    return open_sentry(settings_with(SENTRY_DSN=dsn, **environment), clock or Clock())


@contextmanager
def sentry_to(
    endpoint: SentryEndpoint, clock: Callable[[], float] | None = None, **environment: str
) -> Iterator[SentryOutlet]:
    """An outlet to this endpoint; on the way out it has sent everything."""
    outlet = opened(endpoint.dsn, clock, **environment)
    try:
        yield outlet
    finally:
        outlet.finish(5.0)


def raised(how: BaseException | Callable[[], object]) -> Exception:
    """An exception with a traceback: this one, or the one that this raises."""
    try:
        if isinstance(how, BaseException):
            raise how
        how()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


__all__ = ["Clock", "opened", "raised", "sentry_to", "settings_with"]
