"""How a session's replies are spoken: the `speech` object of a first start."""

import re
from collections.abc import Collection, Mapping

from attrs import frozen

from protocol.errors import PeerProtocolError, invalid_payload

DEFAULT_LANGUAGE = "en"
MOST_TAGS = 16
LANGUAGE_MAX_CHARS = 64
TAG_MAX_CHARS = 64

_LANGUAGE = re.compile(r"(?:[a-z]{2,8}|[ix](?=-))(?:-[a-z0-9]{1,8})*", re.IGNORECASE | re.ASCII)
"""The shape of BCP 47 tags (RFC 5646, section 2.1); whether a language is registered is not asked."""

_TAG = re.compile(r"[^\W\d_][\w:.-]*")
"""What the sanitizer takes for the name of a tag."""


@frozen(kw_only=True)
class Speech:
    """`language`: BCP 47 tag of the replies. `keep_tags`: names of tags, lower case, that stay in the text."""

    language: str = DEFAULT_LANGUAGE
    keep_tags: tuple[str, ...] = ()


def parse_speech(payload: Mapping[str, object], reserved: Collection[str] = ()) -> Speech:
    """The `speech` of a payload. `reserved`: names, lower case, that may not be kept. Raises `invalid_speech`."""
    given = payload.get("speech")
    if given is None:
        return Speech()
    if not isinstance(given, dict):
        raise _invalid('\'speech\' must be an object such as {"language": "en", "keep_tags": ["break"]}.')
    return Speech(language=_language(given.get("language")), keep_tags=_tags(given.get("keep_tags"), reserved))


def _language(value: object) -> str:
    if value is None:
        return DEFAULT_LANGUAGE
    if not isinstance(value, str) or len(value) > LANGUAGE_MAX_CHARS or not _LANGUAGE.fullmatch(value):
        raise _invalid('\'speech.language\' must be a BCP 47 tag such as "en" or "pt-BR".')
    return value


def _tags(value: object, reserved: Collection[str]) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_TAGS:
        raise _invalid(f"'speech.keep_tags' must be a list of at most {MOST_TAGS} names.")
    return tuple(dict.fromkeys(_tag(index, name, reserved) for index, name in enumerate(value)))


def _tag(index: int, name: object, reserved: Collection[str]) -> str:
    if not isinstance(name, str) or len(name) > TAG_MAX_CHARS or not _TAG.fullmatch(name):
        raise _invalid(
            f"'speech.keep_tags' must hold names of tags such as \"break\", without brackets; item {index} is none."
        )
    if name.lower() in reserved:
        raise _invalid(f"'speech.keep_tags' must not hold markers of thoughts or tool calls; item {index} is one.")
    return name.lower()


def _invalid(message: str) -> PeerProtocolError:
    return invalid_payload("invalid_speech", message)


__all__ = ["DEFAULT_LANGUAGE", "MOST_TAGS", "Speech", "parse_speech"]
