"""Words, free text, secrets."""

import enum
import re
from typing import ClassVar, TypeVar

from attrs import frozen

from protocol.text import sanitize_prompt
from runtime.settings.kinds.base import Kind, Refused, did_you_mean
from runtime.settings.secret import Secret

W = TypeVar("W", bound=enum.StrEnum)
SM_ARCH = re.compile(r"(?:sm_?)?([0-9]{2,3})|(?:sm_?)?([0-9]{1,2})\.([0-9])", re.ASCII)


@frozen(eq=False)
class Word(Kind[W]):
    """One word of a closed set, any case."""

    words: type[W]

    def parse(self, text: str) -> W:
        allowed = {word.value.lower(): word for word in self.words}
        if (word := allowed.get(text.lower())) is not None:
            return word
        hint = did_you_mean(text.lower(), allowed, quote="'")
        raise Refused(f"is not one of {self._listed()}{hint}")

    def describe(self) -> str:
        return f"enum {self._listed()}"

    def _listed(self) -> str:
        return ", ".join(word.value for word in self.words)


@frozen(eq=False)
class Text(Kind[str]):
    """Free text. `max_bytes`: its limit in UTF-8."""

    max_bytes: int | None = None

    def parse(self, text: str) -> str:
        if self.max_bytes is not None and len(text.encode(errors="surrogatepass")) > self.max_bytes:
            raise Refused(f"is longer than {self.max_bytes} bytes")
        return text

    def describe(self) -> str:
        return "str" if self.max_bytes is None else f"str <= {self.max_bytes} bytes"


@frozen(eq=False)
class OpenWord(Kind[str]):
    """A word of a set that only an installed library knows in full; lower-cased. `known`: those that always work."""

    known: tuple[str, ...]
    others: str

    def parse(self, text: str) -> str:
        return text.lower()

    def describe(self) -> str:
        return f"enum {', '.join(self.known)}, or {self.others}"


@frozen(eq=False)
class Letters(Kind[str]):
    """A word of letters alone."""

    def parse(self, text: str) -> str:
        if not text.isalpha():
            raise Refused("must be letters only")
        return text

    def describe(self) -> str:
        return "letters"


@frozen(eq=False)
class PromptPrefix(Kind[str]):
    """Text set before what a user said, cleaned as a client's own would be; its length is another variable's matter."""

    def parse(self, text: str) -> str:
        clean = sanitize_prompt(text)
        if not clean:
            raise Refused("is empty once control characters and the like are taken out")
        return clean

    def describe(self) -> str:
        return "str, prefix rules"


@frozen(eq=False)
class SecretText(Kind[Secret]):
    """A token or address that must not be seen."""

    secret: ClassVar[bool] = True

    def parse(self, text: str) -> Secret:
        return Secret(text)

    def describe(self) -> str:
        return "secret"

    def show(self, value: Secret) -> str:
        return str(value)


@frozen(eq=False)
class KeyList(Kind[tuple[Secret, ...]]):
    """Comma-separated keys."""

    secret: ClassVar[bool] = True

    def parse(self, text: str) -> tuple[Secret, ...]:
        keys = text.split(",")
        if any(not key or any(char.isspace() for char in key) for key in keys):
            raise Refused("must be keys separated by single commas, none of them empty, without blanks")
        return tuple(Secret(key) for key in keys)

    def describe(self) -> str:
        return "secret"

    def show(self, value: tuple[Secret, ...]) -> str:
        return "set" if value else "unset"


@frozen(eq=False)
class SmArch(Kind[str]):
    """A GPU architecture as `sm90`, `90` or `9.0`; the value is always in the first form."""

    def parse(self, text: str) -> str:
        match = SM_ARCH.fullmatch(text.lower())
        if match is None:
            raise Refused("is not an architecture such as sm90, 90 or 9.0")
        return "sm" + "".join(part for part in match.groups() if part)

    def describe(self) -> str:
        return "`sm90`, `90` or `9.0` form"


__all__ = ["KeyList", "Letters", "OpenWord", "PromptPrefix", "SecretText", "SmArch", "Text", "Word"]
