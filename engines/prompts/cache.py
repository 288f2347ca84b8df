"""What was worked out for a text, kept for the next prompt that holds it."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class TextCache(Generic[V]):
    """Values by text, the least recently used dropped beyond `capacity_chars` characters of text.

    Safe to share between threads: two may work out the same value, none sees half of one.
    """

    def __init__(self, make: Callable[[str], V], capacity_chars: int) -> None:
        self._make = make
        self._capacity = capacity_chars
        self._values: OrderedDict[str, V] = OrderedDict()
        self._chars = 0
        self._lock = threading.Lock()

    def __getitem__(self, text: str) -> V:
        with self._lock:
            value = self._values.get(text)
            if value is not None:
                self._values.move_to_end(text)
                return value
        value = self._make(text)
        with self._lock:
            if text not in self._values:
                self._values[text] = value
                self._chars += len(text)
                while self._chars > self._capacity:
                    self._chars -= len(self._values.popitem(last=False)[0])
        return value

    @property
    def chars(self) -> int:
        """Characters of text held now."""
        return self._chars


__all__ = ["TextCache"]
