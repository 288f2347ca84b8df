"""Servers as processes, shared by the tests of a session where they leave no trace in one another."""

from collections.abc import Iterator

import pytest

from tests.e2e.program import Program, scripted


@pytest.fixture(scope="session")
def program() -> Iterator[Program]:
    """A server with the scripted engine and, metrics apart, default settings."""
    running = Program(scripted(METRICS_ENABLED="1"))
    try:
        yield running.wait_ready()
    finally:
        running.bury()
