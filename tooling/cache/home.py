"""The project's own directory on a machine, and which directories may not be it."""

from pathlib import Path

from tooling.refusal import REFUSED, Refusal

HOME_MARK = "pyproject.toml"


def require_home(home: Path) -> Path:
    """The project's own directory, absolute. Raises `Refusal` for places that are not ours to fill and clean."""
    place = home.expanduser().resolve()
    if place in (Path("/"), Path.home().resolve()) or (place / HOME_MARK).exists():
        raise Refusal(f"YAP_HOME={place} is a root, home or source directory: name a directory of its own", REFUSED)
    return place


__all__ = ["require_home"]
