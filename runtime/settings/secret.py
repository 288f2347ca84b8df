"""A value that never shows itself."""

from typing import final


@final
class Secret:
    """A key or token: `str`, `repr`, formatting and serialisers by attribute see `set`, only `reveal` gives the text.

    Not a `str`: joining, encoding or dumping one to JSON by accident is then an error instead of a leak.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(set)"

    def __str__(self) -> str:
        return "set"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))


__all__ = ["Secret"]
