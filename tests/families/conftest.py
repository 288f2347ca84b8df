"""Families of models, written to disk and loaded as a model is."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from engines.prompts.chat import ChatText
from engines.prompts.loading import load_chat_text
from tests.families.family import Family, families
from tests.families.models import write_text

Load = Callable[..., ChatText]
"""A family by its name, `thinking` or not."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `family` is about every one."""
    if "family" in metafunc.fixturenames and "name" not in metafunc.fixturenames:
        metafunc.parametrize("family", families().values(), ids=lambda family: family.name)


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The directory of a family's tokenizer and template."""

    @cache
    def written(name: str) -> Path:
        path = tmp_path_factory.mktemp(name)
        write_text(families()[name], path)
        return path

    return written


@pytest.fixture(scope="session")
def load(directory: Callable[[str], Path]) -> Load:
    """Loads a family."""

    @cache
    def loaded(name: str, thinking: bool = False) -> ChatText:
        return load_chat_text(str(directory(name)), enable_thinking=thinking)

    return loaded


__all__ = ["Family", "Load"]
