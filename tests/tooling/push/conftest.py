"""A Hub on loopback with somebody on it who may write, and the environment in which things are pushed there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.receivers.hub.contents import Account
from tests.receivers.hub.endpoint import HURRIED, Hub

TOKEN = "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"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hub that knows `me`, and the organisation `crew` that they are in."""
    with Hub() as serving:
        serving.accounts[TOKEN] = Account("me", organisations=("crew",))
        yield serving


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A place for what is made."""
    return tmp_path / "yap"


@pytest.fixture
def environ(hub: Hub, home: Path, tmp_path: Path) -> dict[str, str]:
    """Of somebody who may push to `me/pushed`; large files go the old way."""
    return {
        "PATH": os.environ["PATH"],  # noqa: TID251 - a test process's own
        "HOME": str(tmp_path / "user"),
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_PUSH_REPO_ID": "me/pushed",
        "HF_HUB_DISABLE_XET": "1",
        "YAP_HOME": str(home),
        "no_proxy": "127.0.0.1",
        "PYTHONPATH": str(HURRIED),
    }
