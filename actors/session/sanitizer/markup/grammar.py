"""What a tag is made of, as pieces of regular expressions: whole, and as far as it has come."""

from actors.session.sanitizer.alphabet import TAGS

LONGEST = 64
"""Characters from `<` to `>`, both included."""

_NAME = r"[^\W\d_][\w:.-]*+"
_KEY = r"[^\W\d][\w:.@-]*+"
_MARKS = rf"\udc00-\udfff{TAGS}"
"""What stands for something that is gone, or stays: as little part of a tag as the `<` that it began with."""

_BARE = rf"[^\s\"'<>=`{_MARKS}]++"
_IN_DOUBLE, _IN_SINGLE = rf"[^\"<{_MARKS}]*+", rf"[^'<{_MARKS}]*+"
_PAIR = rf"\s++{_KEY}=(?:\"{_IN_DOUBLE}\"|'{_IN_SINGLE}'|{_BARE})"
_PAIR_BEGUN = rf"\s++(?:/|{_KEY}(?:=(?:\"{_IN_DOUBLE}|'{_IN_SINGLE}|{_BARE})?+)?+)?+"

TAG = rf"(?P<open>{_NAME})(?:{_PAIR})*+\s*+/?>|/(?P<close>{_NAME})\s*+>"
"""What follows the `<` of a tag."""

TAG_BEGUN = rf"{_NAME}(?:{_PAIR}(?=[\s/>]|\Z))*+(?:{_PAIR_BEGUN}|/)?+|/(?:{_NAME}\s*+)?+"
"""What may still become one."""

__all__ = ["LONGEST", "TAG", "TAG_BEGUN"]
