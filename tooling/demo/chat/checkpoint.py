"""The demo chat checkpoint in the cache, built where it is not there."""

from collections.abc import Mapping
from pathlib import Path

from tooling import cache
from tooling.demo.chat.recipe import BUILDER_VERSION, Recipe
from tooling.demo.files import read_all
from tooling.demo.progress import Report
from tooling.setup.environment import require_space

NOTICE = (
    "demo chat model: a toy trained on a script of small talk. It shows that the pipes work; "
    "its words mean nothing beyond that script."
)

SPACE_BYTES = 20_000_000  # the weights are less than half of it


def entry(recipe: Recipe, texts: Mapping[str, str]) -> cache.Entry:
    """Return the cache entry of a recipe and its texts."""
    digests: dict[str, object] = {name: cache.digest(text) for name, text in texts.items()}
    return cache.Entry(
        name="demo-chat", recipe={"builder": BUILDER_VERSION, "numbers": recipe.facts(), "texts": digests}
    )


def ensure(home: Path, report: Report, recipe: Recipe | None = None) -> Path:
    """Return the demo chat checkpoint below `home`, built first if it is not there (a minute or two on two cores)."""
    recipe = recipe or Recipe()
    texts = read_all("chat")
    report(NOTICE)

    def make(directory: Path) -> None:
        from tooling.demo.chat.building import build  # noqa: PLC0415 - torch, and the model is made once

        require_space(directory.parent, SPACE_BYTES)  # before minutes of training
        build(directory, recipe, texts, report)

    return cache.ensure(entry(recipe, texts), home, make, report)


__all__ = ["NOTICE", "ensure", "entry"]
