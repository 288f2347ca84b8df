"""Whether a reply says what was hoped for."""

import re
from collections.abc import Iterable


def says_any(text: str, expected: Iterable[str]) -> bool:
    """Whether one of `expected` begins a word of `text`, in any case: `hazelnut` is in `No Hazelnuts!`."""
    return any(re.search(rf"\b{re.escape(one)}", text, re.IGNORECASE) for one in expected)


__all__ = ["says_any"]
