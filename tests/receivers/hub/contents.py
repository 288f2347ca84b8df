"""What a Hub holds: repositories with their commits, accounts with their tokens."""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from attrs import define, field, frozen

LFS_BYTES = 4096
"""From here on a file is large: told as LFS, and asked for in an upload of its own."""


@frozen
class Commit:
    """One state of a repository."""

    oid: str
    title: str
    files: Mapping[str, bytes]


@frozen
class Account:
    """Who a token belongs to. `role`: what it may do, `read`, `write` or `fineGrained`.

    `scopes`: of a fine-grained token, permissions by the name of a user, organisation or repository.
    """

    name: str
    role: str = "write"
    organisations: tuple[str, ...] = ()
    scopes: Mapping[str, tuple[str, ...]] = {}

    def may_write(self, repository: str) -> bool:
        """Whether a repository of that id may be made or changed."""
        owner = repository.partition("/")[0]
        if self.role == "fineGrained":
            return any("repo.write" in self.scopes.get(place, ()) for place in (owner, repository))
        return self.role == "write" and owner in (self.name, *self.organisations)


@define
class Repository:
    """A model repository. `gated`: only `readers` get its files; `private`: nobody else sees that it exists."""

    name: str
    private: bool = False
    gated: bool = False
    readers: frozenset[str] = frozenset()
    card: Mapping[str, Any] = field(factory=dict)
    commits: list[Commit] = field(factory=list)
    branches: dict[str, str] = field(factory=dict)

    def commit(self, files: Mapping[str, bytes], title: str = "a change", gone: Collection[str] = ()) -> Commit:
        """Add files and take others away, in one commit on main."""
        held = self.head.files if self.commits else {}
        whole = {path: content for path, content in {**held, **files}.items() if path not in gone}
        digests = {path: hashlib.sha1(content).hexdigest() for path, content in whole.items()}
        seed = json.dumps([self.name, len(self.commits), title, digests], sort_keys=True)
        made = Commit(hashlib.sha1(seed.encode()).hexdigest(), title, whole)
        self.commits.append(made)
        return made

    @property
    def head(self) -> Commit:
        """What main is."""
        return self.commits[-1]

    def at(self, revision: str) -> Commit | None:
        """The commit of a branch, a tag or a (shortened) commit."""
        if revision == "main":
            return self.head
        wanted = self.branches.get(revision, revision)
        return next((each for each in reversed(self.commits) if len(wanted) >= 7 and each.oid.startswith(wanted)), None)

    def is_open_to(self, account: Account | None) -> bool:
        """Whether somebody sees that it exists."""
        return not self.private or (account is not None and (account.name in self.readers or self._is_own(account)))

    def gives_files_to(self, account: Account | None) -> bool:
        """Whether somebody gets its files."""
        return not self.gated or (account is not None and (account.name in self.readers or self._is_own(account)))

    def _is_own(self, account: Account) -> bool:
        return self.name.partition("/")[0] in (account.name, *account.organisations)


def blob_id(content: bytes) -> str:
    """Git's digest of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def is_large(path: str, content: bytes) -> bool:
    """Whether a file is kept as LFS."""
    return len(content) >= LFS_BYTES or path.endswith((".safetensors", ".engine"))


__all__ = ["LFS_BYTES", "Account", "Commit", "Repository", "blob_id", "is_large"]
