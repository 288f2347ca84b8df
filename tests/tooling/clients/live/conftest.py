"""What the tests of live share."""

from pathlib import Path

import pytest

from tests.tooling.clients.live.console import dress


@pytest.fixture
def closet(tmp_path: Path) -> Path:
    """A folder with one persona."""
    dress(tmp_path, "You are Io, calm.")
    return tmp_path
