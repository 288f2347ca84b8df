"""One server process for the tests that leave no trace in it; what it logged is read in the end."""

from collections.abc import Iterator

import pytest

from tests.attacks.victim import Victim, check_log, victim


@pytest.fixture(scope="package")
def program() -> Iterator[Victim]:
    """A server that takes compressed messages and logs JSON."""
    with victim(WS_COMPRESSION="1", APP_LOG_FORMAT="json") as running:
        yield running
        check_log(running)
