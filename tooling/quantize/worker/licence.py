"""The licence of a model, as the front matter of its own README says it; never guessed."""

from pathlib import Path

import yaml
from attrs import frozen

HUB = "https://huggingface.co"


@frozen
class Licence:
    """What a card says: an identifier, and for `other` its name and where it is to be read."""

    identifier: str
    name: str | None = None
    link: str | None = None


def of(readme: Path, repository: str | None) -> Licence:
    """The licence that a model's README names; `other`, with a link to its repository, where it names none."""
    said = _front_matter(readme)
    identifier = said.get("license")
    if not isinstance(identifier, str) or not identifier.strip():
        return Licence("other", "unknown", f"{HUB}/{repository}" if repository else None)
    return Licence(identifier.strip(), _text(said.get("license_name")), _text(said.get("license_link")))


def _front_matter(readme: Path) -> dict[str, object]:
    try:
        parts = readme.read_text(encoding="utf-8").split("---", 2)
        said = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else None
    except (OSError, ValueError, yaml.YAMLError):
        return {}  # no card, or one that nobody can read: it names no licence
    return said if isinstance(said, dict) else {}


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


__all__ = ["Licence", "of"]
