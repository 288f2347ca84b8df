"""A Hub on loopback, and the environment in which tooling meets it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.receivers.hub.endpoint import HURRIED, Hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An empty Hub."""
    with Hub() as serving:
        yield serving


@pytest.fixture
def environ(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """Of a user with an empty cache and without a token."""
    return {
        "PATH": os.environ["PATH"],  # noqa: TID251 - a test process's own
        "HOME": str(tmp_path / "home"),
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": hub.url,
        "no_proxy": "127.0.0.1",
        "PYTHONPATH": str(HURRIED),
    }
