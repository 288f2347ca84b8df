"""The project's own directory on a machine, and which directories may not be it."""

import os.path
from pathlib import Path

from tooling.refusal import REFUSED, Refusal

SOURCE_MARKS = ("pyproject.toml", ".git")


def require_home(home: Path) -> Path:
    """The project's own directory, absolute. Raises `Refusal` for places that are not ours to fill and clean."""
    place = home.expanduser().resolve()
    is_above_home = Path.home().resolve().is_relative_to(place)  # a root is as well, and so is the home itself
    if is_above_home or any(os.path.exists(place / mark) for mark in SOURCE_MARKS):
        raise Refusal(f"YAP_HOME={place} is a root, home or source directory: name a directory of its own", REFUSED)
    return place


__all__ = ["require_home"]
