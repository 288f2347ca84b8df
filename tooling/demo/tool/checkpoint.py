"""The demo tool checkpoint in the cache, built where it is not there."""

from collections.abc import Mapping
from pathlib import Path

from tooling import cache
from tooling.demo.files import read_all
from tooling.demo.progress import Report
from tooling.demo.tool.recipe import BUILDER_VERSION, Recipe
from tooling.setup.environment import require_space

NOTICE = (
    "demo tool model: a toy that tells requests to look at the screen from other talk, "
    "by templates and lines written for it."
)

SPACE_BYTES = 20_000_000  # the weights are less than half of it


def entry(recipe: Recipe, texts: Mapping[str, str], chat_texts: Mapping[str, str]) -> cache.Entry:
    """Return the cache entry of a recipe and its texts."""
    named = {f"tool/{name}": text for name, text in texts.items()} | {
        f"chat/{name}": text for name, text in chat_texts.items()
    }
    digests: dict[str, object] = {name: cache.digest(text) for name, text in named.items()}
    return cache.Entry(
        name="demo-tool", recipe={"builder": BUILDER_VERSION, "numbers": recipe.facts(), "texts": digests}
    )


def ensure(home: Path, report: Report, recipe: Recipe | None = None) -> Path:
    """Return the demo tool checkpoint below `home`, built first if it is not there (about a minute on two cores)."""
    recipe = recipe or Recipe()
    texts, chat_texts = read_all("tool"), read_all("chat")
    report(NOTICE)

    def make(directory: Path) -> None:
        from tooling.demo.tool.building import build  # noqa: PLC0415 - torch, and the model is made once

        require_space(directory.parent, SPACE_BYTES)  # before minutes of training
        build(directory, recipe, texts, chat_texts, report)

    return cache.ensure(entry(recipe, texts, chat_texts), home, make, report)


__all__ = ["NOTICE", "ensure", "entry"]
