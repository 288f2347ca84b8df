"""What every kind of value can do."""

import difflib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

T = TypeVar("T")
SHOWN_CHARS = 80
IN_ADDRESSES = re.compile(r"(api_?key=)[^&\s]+|(?<=//)[^/@\s]+(?=@)", re.IGNORECASE)


class Refused(ValueError):
    """A value is not of its kind; the message goes on after the value: `is not one of a, b`."""


class Kind(ABC, Generic[T]):
    """Text to value and back.

    `secret`: the value is never shown. `expands_home`: a leading `~` is the home directory.
    """

    secret: ClassVar[bool] = False
    expands_home: ClassVar[bool] = False

    @abstractmethod
    def parse(self, text: str) -> T:
        """The value of a trimmed, non-empty text. Raises `Refused`."""

    @abstractmethod
    def describe(self) -> str:
        """Kind and range in words, as in the tables: `int 0..65535`."""

    def show(self, value: T) -> str:
        """A text that `parse` reads as this value; for a secret, only whether there is one."""
        return str(value)


def did_you_mean(word: str, allowed: Iterable[str], *, quote: str = "") -> str:
    """A hint with the nearest allowed word, or nothing when none is near."""
    near = difflib.get_close_matches(word, list(allowed), n=1)
    return f" (did you mean {quote}{near[0]}{quote}?)" if near else ""


def masked(text: str) -> str:
    """The text without what an address may carry of keys and passwords."""
    return IN_ADDRESSES.sub(lambda found: f"{found[1] or ''}***", text)


def shortened(text: str) -> str:
    """A value as it stands in a report: quoted, on one line, not longer than a line, without keys in addresses."""
    text = masked(text)
    return repr(text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "...")


__all__ = ["Kind", "Refused", "did_you_mean", "masked", "shortened"]
