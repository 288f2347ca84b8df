"""Files, addresses, repositories."""

import re
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit, urlunsplit

from attrs import frozen

from runtime.settings.kinds.base import Kind, Refused
from runtime.settings.secret import Secret

DSN_FORM = "https://KEY@HOST/PROJECT"
DSN_PROJECT = re.compile(r"/(?:.*/)?[0-9]+")
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


@frozen(eq=False)
class Dsn(Kind[Secret]):
    """Sentry's data source name: an address that holds the key."""

    secret: ClassVar[bool] = True

    def parse(self, text: str) -> Secret:
        if not text.isascii() or not text.isprintable() or " " in text:
            raise Refused("is not a DSN: it holds blanks or characters that no address has")
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise Refused("is not a DSN: its host or port cannot be read") from None
        if parts.scheme not in ("http", "https"):
            raise Refused(f"is not a DSN: it does not begin with https:// or http:// ({DSN_FORM})")
        if not parts.username:
            raise Refused(f"is not a DSN: there is no public key and @ before the host ({DSN_FORM})")
        if not parts.hostname or port == 0:
            raise Refused(f"is not a DSN: there is no host, or its port is 0 ({DSN_FORM})")
        if ":" in parts.hostname:
            raise Refused("has an IPv6 address, which Sentry's SDK cannot reach; give the host a name")
        if not DSN_PROJECT.fullmatch(parts.path) or parts.query or parts.fragment:
            raise Refused(f"is not a DSN: it does not end with the number of a project ({DSN_FORM})")
        return Secret(text)

    def describe(self) -> str:
        return "secret"

    def show(self, value: Secret) -> str:
        return str(value)


__all__ = ["Dsn", "HubRepo", "Model", "Place", "Url"]
