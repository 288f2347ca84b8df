"""A Hugging Face Hub on loopback: the routes that huggingface_hub uses to fetch and to push, and what they hold."""

from collections.abc import Mapping
from pathlib import Path

from tests.receivers.hub.contents import Account, Commit, Repository
from tests.receivers.hub.download import Downloads
from tests.receivers.hub.upload import Uploads
from tests.receivers.hub.wire import Server
from tests.receivers.hub.xet import Storage

HURRIED = Path(__file__).with_name("hurried")
"""On a worker's PYTHONPATH it shortens the pauses before it tries again, ours and the library's."""


class Hub(Server):
    """`accounts`: by token; `repositories`: by id; `stored`: large files that came, by SHA-256."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.accounts: dict[str, Account] = {}
        self.stored: dict[str, bytes] = {}
        downloads = Downloads(self.repositories, self.accounts)
        storage = Storage(downloads, self.stored, lambda: self.url)
        uploads = Uploads(self.repositories, downloads, self.stored, storage.find, lambda: self.url)
        super().__init__((*storage.routes(), *uploads.routes(), *downloads.routes()))

    def add(self, repository: Repository, files: Mapping[str, bytes]) -> Commit:
        """A repository with one commit."""
        self.repositories[repository.name] = repository
        return repository.commit(files, "initial commit")


__all__ = ["HURRIED", "Hub"]
