"""What was worked out for the texts of the last round, kept for the next."""

from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """What was worked out for texts since the round before last began; everything older is forgotten."""

    def __init__(self, make: Callable[[str], V]) -> None:
        self._make = make
        self._now: dict[str, V] = {}
        self._before: dict[str, V] = {}

    def __getitem__(self, text: str, /) -> V:
        value = self._now.get(text)
        if value is None:
            value = self._before.get(text)
            self._now[text] = value = self._make(text) if value is None else value
        return value

    def __contains__(self, text: str) -> bool:
        return text in self._now or text in self._before

    def next_round(self) -> None:
        """What is not asked for again in this round goes with the next."""
        self._before, self._now = self._now, {}

    def __len__(self) -> int:
        return len(self._now.keys() | self._before.keys())


__all__ = ["Recent"]
