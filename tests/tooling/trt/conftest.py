"""Decisions for models that are files only, on a machine that is made up."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.settings import Settings
from tests.tooling.trt.machine import LABEL, around, write_model
from tooling.cache import ensure
from tooling.models import Model, read_directory
from tooling.trt import Decision, Purpose, decide

LEAST = {"TEXT_API_KEY": "k", "MAX_CONCURRENT_CONNECTIONS": "8", "INFERENCE_ENGINE": "trt"}
FOUR = {"CHAT_QUANTIZATION": "4bit"}
EIGHT = {"CHAT_QUANTIZATION": "8bit"}
SIZE = {"TRT_MAX_BATCH_SIZE": "32"}
Decide = Callable[..., Decision]
TOLD = {"max_batch_size": 16, "max_input_len": 5025, "max_seq_len": 5175, "tp_size": 1, "quantization": "W4A16_AWQ"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "my-model")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def decided(model: Path, home: Path) -> Decide:
    """Decides for the float model, or another one; keywords in capitals are settings, others of the machine."""

    def decided(place: Path | Model = model, purpose: Purpose = Purpose.BUILD, **given: Any) -> Decision:
        planning, repository = given.pop("planning", False), given.pop("repository", None)
        settings = {name: value for name, value in given.items() if name.isupper()}
        machine = {name: value for name, value in given.items() if not name.isupper()}
        looked = place if isinstance(place, Model) else read_directory(place)
        return decide(
            looked,
            Settings.from_env(LEAST | {"CHAT_MODEL": looked.name} | settings),
            around(home, **machine),
            purpose,
            planning=planning,
            repository=repository,
        )

    return decided


def make(decision: Decision, home: Path) -> None:
    """The entries of the steps, made of nothing."""
    for step in decision.steps:
        assert step.entry is not None
        ensure(step.entry, home, lambda partial: None, lambda line: None)


def push_engine(repository: Path, label: str = LABEL, **changes: Any) -> Path:
    """An engine in a repository, as far as files that are looked at go."""
    place = repository / "trt-llm" / "engines" / label
    place.mkdir(parents=True)
    (place / "build_metadata.json").write_text(json.dumps(TOLD | changes))
    (place / "rank0.engine").write_bytes(b"")
    return place


def names(decision: Decision) -> list[str]:
    return [step.name for step in decision.steps]
