"""bench, ready to run."""

import pytest

from tests.tooling.clients.bench.scene import Bench


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Bench:
    """A run of the client."""
    return Bench(capsys)
