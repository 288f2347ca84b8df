"""The licence of a base model, as its own card says it; never guessed. Read for exports here, for pushes by
`tooling.push`. Needs attrs and yaml alone.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml
from attrs import frozen

HUB = "https://huggingface.co"
UNKNOWN = "unknown"
_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_KEYS = ("license", "license_name", "license_link")


@frozen
class Licence:
    """What a card says: the Hub's word, and for `other` its name and where it is to be read."""

    identifier: str
    name: str | None = None
    link: str | None = None

    @classmethod
    def said_by(cls, card: Mapping[str, object], page: str | None) -> "Licence | None":
        """What the data of a card says; None if it names no licence, or several.

        `page`: the base model's, where it has one; a link to a file beside the card is made whole with it.
        """
        said = {key: _text(card.get(key)) for key in _KEYS}
        if said["license"] is None:
            return None
        link = said["license_link"]
        if link is not None and "://" not in link and page is not None:
            link = f"{page}/blob/main/{link.removeprefix('./').lstrip('/')}"
        return cls(said["license"], said["license_name"], link)

    @classmethod
    def unknown(cls, page: str | None) -> "Licence":
        """Of a base model that does not say: where people can look themselves."""
        return cls("other", UNKNOWN, page)

    def lines(self) -> Mapping[str, str]:
        """As front matter has it."""
        values = zip(_KEYS, (self.identifier, self.name, self.link), strict=True)
        return {key: value for key, value in values if value}


def of(readme: Path, repository: str | None) -> Licence:
    """The licence that a model's README names; `other`, with a link to its repository, where it names none."""
    page = f"{HUB}/{repository}" if repository else None
    try:
        card = front_matter(readme.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no card, or one that nobody can read
        card = {}
    return Licence.said_by(card, page) or Licence.unknown(page)


def front_matter(text: str) -> Mapping[str, object]:
    """The data at the top of a card; empty if there is none that can be read."""
    found = _FRONT.match(text)
    try:
        data = yaml.safe_load(found[1]) if found else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _text(value: object) -> str | None:
    """One line of text, or the only one of a list."""
    only = value[0] if isinstance(value, list) and len(value) == 1 else value
    return only.strip() if isinstance(only, str) and only.strip() and "\n" not in only.strip() else None


__all__ = ["HUB", "UNKNOWN", "Licence", "front_matter", "of"]
