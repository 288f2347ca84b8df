"""What somebody calls a model: a Hub id with or without a revision, or a directory of this machine."""

import os.path
import re
from pathlib import Path

from attrs import frozen

from tooling.refusal import REFUSED, USAGE, Refusal

# One or two parts, as the Hub has them; dots and dashes stand inside a part only.
_ID = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?(?:/[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)?")
_REVISION = re.compile(r"[^\s@~^:?*\[\\\x00-\x1f]+")
_MAX_ID = 96
_PATH_BEGINNINGS = ("/", "./", "../", "~")


@frozen(kw_only=True)
class Reference:
    """A model as it was asked for. `name`: a Hub id, or the directory's path; `directory` is None for a Hub id.

    `revision`: branch, tag or commit of a Hub id; None is the main branch.
    """

    name: str
    revision: str | None = None
    directory: Path | None = None

    @classmethod
    def parse(cls, text: str, cwd: Path | None = None) -> "Reference":
        """Read `org/name`, `org/name@revision` or a directory; a directory that exists wins.

        `cwd`: what relative paths begin at. Raises `Refusal`: 3 for a directory that is not there, 2 for anything that
        is neither.
        """
        local = Path(cwd or Path(), os.path.expanduser(text))
        if text and os.path.isdir(local):  # which no name disturbs, however long
            return cls(name=str(local.resolve()), directory=local.resolve())
        if text.startswith(_PATH_BEGINNINGS) or text in (".", ".."):
            found = "is a file" if os.path.exists(local) else "does not exist"
            raise Refusal(f"{text!r} {found}: name the directory of a model, or a Hub id (org/name)", REFUSED)
        name, at, revision = text.partition("@")
        if not _ID.fullmatch(name) or len(name) > _MAX_ID or "--" in name or ".." in name:
            raise Refusal(f"{text!r} is neither a directory nor a Hub id (org/name or org/name@revision)", USAGE)
        if at and not _REVISION.fullmatch(revision):
            raise Refusal(f"{text!r}: {revision!r} is no revision; write {name}@branch, @tag or @commit", USAGE)
        return cls(name=name, revision=revision or None)

    @classmethod
    def of(cls, model: str, revision: str | None, cwd: Path | None = None) -> "Reference":
        """The reference of a pair of settings such as `CHAT_MODEL` and `CHAT_REVISION`; one in the id wins."""
        parsed = cls.parse(model, cwd)
        if parsed.directory is not None or parsed.revision is not None or not revision:
            return parsed
        return cls.parse(f"{model}@{revision}", cwd)

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name


__all__ = ["Reference"]
