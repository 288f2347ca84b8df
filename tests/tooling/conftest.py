"""A directory to launch in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tooling.keeper.launched import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Nothing that was launched in it outlives the test."""
    made = Place(tmp_path)
    yield made
    made.clear()
