"""Sentry: what went wrong in the server, without a word of anybody's text, host name or key.

In here: which happenings are errors of ours (`incidents`), what is told of one (`events`), how often (`limit`), the SDK
(`client`), and the outlet that joins them. The SDK is imported by whoever imports this package: where `SENTRY_DSN` is
set, and nowhere else.
"""

from runtime.telemetry.sentry.outlet import open_sentry

__all__ = ["open_sentry"]
