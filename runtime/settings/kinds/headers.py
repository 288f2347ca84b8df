"""What goes out in the head of an HTTP request. Messages never quote: a name may be a key that somebody set alone."""

import re
from urllib.parse import unquote

from attrs import frozen

from runtime.settings.kinds.base import Kind, Refused
from runtime.settings.kinds.text import SecretText
from runtime.settings.secret import Secret

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2, token
VALUE = re.compile(r"[\t\x20-\x7e]*")  # section 5.5, without the bytes above ASCII that nobody reads alike
SPOKEN_FOR = frozenset(
    ("accept-encoding", "connection", "content-encoding", "content-length", "content-type", "host", "transfer-encoding")
)


def parse_headers(text: str) -> tuple[tuple[str, str], ...]:
    """Names and values of `k=v,k2=v2`, values percent-decoded, as OpenTelemetry specifies it. Raises `Refused`."""
    headers: dict[str, str] = {}
    for number, entry in enumerate(text.split(","), 1):
        if not entry.strip():
            continue
        name, equals, value = (part.strip() for part in entry.partition("="))
        value = unquote(value)
        if not equals:
            raise Refused(f"has no = in entry {number}; write name=value,name2=value2")
        if not NAME.fullmatch(name):
            raise Refused(f"has no header's name before the = of entry {number}; write name=value,name2=value2")
        if not VALUE.fullmatch(value):
            raise Refused(f"has a character that no header may hold, a line break or beyond ASCII, in entry {number}")
        if name.lower() in SPOKEN_FOR:
            raise Refused(f"sets in entry {number} a header that the export itself sets; leave it out")
        if name.lower() in headers:
            raise Refused(f"sets in entry {number} a header that an entry before it sets")
        headers[name.lower()] = value
    if not headers:
        raise Refused("has no entry; write name=value,name2=value2")
    return tuple(headers.items())


@frozen(eq=False)
class HeaderList(SecretText):
    """Headers as `name=value,name2=value2`, secret as a whole; `parse_headers` reads them."""

    def parse(self, text: str) -> Secret:
        parse_headers(text)
        return Secret(text)


@frozen(eq=False)
class BearerToken(SecretText):
    """A token that is sent as `Authorization: Bearer`."""

    def parse(self, text: str) -> Secret:
        if text.lower().startswith("bearer "):
            raise Refused("begins with the word Bearer, which is added; give the token alone")
        if not VALUE.fullmatch(text) or any(char.isspace() for char in text):
            raise Refused("has a blank or a character beyond ASCII in it, which no token has")
        return Secret(text)


@frozen(eq=False)
class HeaderText(Kind[str]):
    """Free text that can stand in a header."""

    def parse(self, text: str) -> str:
        if not VALUE.fullmatch(text):
            raise Refused("has a character beyond ASCII or a control character, and is sent as a header")
        return text

    def describe(self) -> str:
        return "str"


__all__ = ["BearerToken", "HeaderList", "HeaderText", "parse_headers"]
