"""Small projects on disk."""

from collections.abc import Mapping
from pathlib import Path

PROJECT = '[tool.hatch.build.targets.wheel]\npackages = ["runtime", "tooling", "small"]\n'


def write(root: Path, files: Mapping[str, str], house: str = "") -> Path:
    """A project of these files, with `house` at the end of its pyproject.toml."""
    for path, text in {"pyproject.toml": PROJECT + house, **files}.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return root


__all__ = ["PROJECT", "write"]
