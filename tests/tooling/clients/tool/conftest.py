"""The tool regression, ready to run."""

from pathlib import Path

import pytest

from tests.tooling.clients.tool.scene import Regression


@pytest.fixture
def regression(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Regression:
    """A run of the client, with a directory of its own."""
    return Regression(tmp_path, capsys)
