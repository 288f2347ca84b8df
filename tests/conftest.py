"""How hard the property tests try: `dev` by default, `ci`, and `soak` for a machine with time on its hands.

A test that wants more or less than a profile's number of examples takes a share of it, never a number of its own.
"""

import structlog
from hypothesis import HealthCheck, settings
from structlog.typing import EventDict, WrappedLogger

# Needs programs that `just parts` fetches: `just test-parts` names that directory, and only then is it collected.
collect_ignore = ["parts"]

settings.register_profile("dev", max_examples=100, deadline=None)
settings.register_profile("ci", max_examples=400, deadline=None, print_blob=True)
settings.register_profile(
    "soak", max_examples=20_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("dev")


def _drop(_logger: WrappedLogger, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


# Virtual hours of conversations would print megabytes; a test that reads the log captures it, which still works.
structlog.configure(processors=[_drop])
