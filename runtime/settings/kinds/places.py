"""Files, addresses, repositories."""

import re
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit, urlunsplit

from attrs import frozen

from runtime.settings.kinds.base import Kind, Refused

HUB_REPO = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*")


@frozen(eq=False)
class Place(Kind[Path]):
    """A file or directory; whether it must exist is checked with the engine or mode that uses it."""

    expands_home: ClassVar[bool] = True
    note: str = ""

    def parse(self, text: str) -> Path:
        if "\0" in text:
            raise Refused("is not a path")
        return Path(text)

    def describe(self) -> str:
        return f"path, {self.note}" if self.note else "path"


@frozen(eq=False)
class Model(Kind[str]):
    """A hub id or a directory; which of the two is looked up only where the model is used."""

    expands_home: ClassVar[bool] = True

    def parse(self, text: str) -> str:
        if not text.isprintable():
            raise Refused("is neither a hub id nor a directory")
        return text

    def describe(self) -> str:
        return "str"


@frozen(eq=False)
class HubRepo(Kind[str]):
    """`owner/name` of a repository."""

    def parse(self, text: str) -> str:
        if not HUB_REPO.fullmatch(text):
            raise Refused("is not of the form owner/name")
        return text

    def describe(self) -> str:
        return "str `owner/name`"


@frozen(eq=False)
class Url(Kind[str]):
    """An absolute address. `path`: what an address without a path gets."""

    schemes: tuple[str, ...]
    path: str = ""

    def parse(self, text: str) -> str:
        refused = Refused(f"is not a {' or '.join(self.schemes)} URL")
        if not text.isprintable() or any(char.isspace() for char in text):
            raise refused
        try:
            parts = urlsplit(text)
            _ = parts.port  # parsed only when asked for
        except ValueError:
            raise refused from None
        if parts.scheme.lower() not in self.schemes or not parts.hostname:
            raise refused
        if self.path and parts.path in ("", "/"):
            parts = parts._replace(path=self.path)
            return urlunsplit(parts)
        return text

    def describe(self) -> str:
        added = f", `{self.path}` added if missing" if self.path else ""
        return f"{' or '.join(self.schemes)} URL{added}"


__all__ = ["HubRepo", "Model", "Place", "Url"]
