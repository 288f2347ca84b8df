"""The licence of a base model as its own card says it; never guessed."""

import re
from collections.abc import Mapping

import yaml
from attrs import frozen

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_KEYS = ("license", "license_name", "license_link")


@frozen
class Licence:
    """`identifier`: the Hub's word for it; where that is `other`: its name, and where it is to be read."""

    identifier: str
    name: str | None = None
    link: str | None = None

    @classmethod
    def of(cls, card: Mapping[str, object], base: str) -> "Licence | None":
        """What a card's data says; None if it says nothing. A link to a file of the base model becomes whole.

        `base`: the base model's page, such as `https://huggingface.co/org/name`.
        """
        said = {key: _text(card.get(key)) for key in _KEYS}
        if said["license"] is None:
            return None
        link = said["license_link"]
        if link is not None and "://" not in link:
            link = f"{base}/blob/main/{link.lstrip('./')}"
        return cls(said["license"], said["license_name"], link)

    @classmethod
    def unknown(cls, base: str) -> "Licence":
        """Of a base model that does not say: where people can look themselves."""
        return cls("other", "unknown", base)

    def lines(self) -> Mapping[str, str]:
        """As front matter has it."""
        values = zip(_KEYS, (self.identifier, self.name, self.link), strict=True)
        return {key: value for key, value in values if value}


def front_matter(text: str) -> Mapping[str, object]:
    """The data at the top of a card; empty if there is none that can be read."""
    found = _FRONT.match(text)
    try:
        data = yaml.safe_load(found[1]) if found else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _text(value: object) -> str | None:
    """A word of a card: one line of text, or the first of a list of them."""
    first = value[0] if isinstance(value, list) and value else value
    return first.strip() if isinstance(first, str) and first.strip() and "\n" not in first.strip() else None


__all__ = ["Licence", "front_matter"]
