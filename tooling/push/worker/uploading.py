"""The push itself: the repository, the content of large files, then everything in one commit; read back at the end."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants

from tooling.models.amounts import size_text
from tooling.models.worker.retrying import is_connection_lost, persistently, reason, status_of
from tooling.push.contents import Item
from tooling.push.order import Order
from tooling.push.worker.checking import TIMEOUT_S, Target
from tooling.push.worker.listing import Listing
from tooling.push.worker.speaking import Say, tick
from tooling.refusal import FAILED, REFUSED, Refusal

TOGETHER = 4
"""Files whose content is sent at once; after each such handful it is said how far it is."""
SEARCHED_BYTES = 4 << 20
"""Files up to this size are searched for the token before anything is sent."""
MOVED_ON = 412


@frozen(kw_only=True)
class Pushed:
    """What has been done. `commit`: the repository's newest, `url`: its page; `is_new`: whether this push made it."""

    commit: str
    url: str
    is_new: bool


class Upload:
    """One push to a repository that was looked at."""

    def __init__(self, order: Order, listing: Listing, target: Target, api: HfApi, say: Say) -> None:
        self._order = order
        self._items = listing.contents.items
        self._target = target
        self._api = api
        self._say = say

    def run(self) -> Pushed:
        """Do it. Raises `Refusal` if the Hub says no or somebody else pushes meanwhile, and what the library does."""
        self._require_no_token()
        head = self._target.head or self._make()
        additions = [
            CommitOperationAdd(item.path, item.place if item.place is not None else str(item.text).encode())
            for item in self._items
        ]
        self._send(additions)
        commit = self._commit([*self._stale(), *additions], head)
        self._require_arrived(commit)
        return Pushed(
            commit=commit, url=f"{constants.ENDPOINT}/{self._order.repository}/tree/{commit}", is_new=commit != head
        )

    def _require_no_token(self) -> None:
        token = self._api.token
        secret = token.encode() if isinstance(token, str) else b""
        for item in self._items:
            content = _small_content(item)
            if secret and secret in content:
                raise Refusal(
                    f"{item.path} has the token in it: nothing is sent; take it out, and make a new token", REFUSED
                )

    def _make(self) -> str:
        order = self._order
        persistently(
            order.repository,
            lambda: self._api.create_repo(order.repository, private=order.private, exist_ok=True),
            self._say,
        )
        self._say(f"{order.repository} is made, {'private' if order.private else 'public'}")
        info = persistently(
            order.repository, lambda: self._api.model_info(order.repository, timeout=TIMEOUT_S), self._say
        )
        return str(info.sha)

    def _send(self, additions: Sequence[CommitOperationAdd]) -> None:
        """Content of large files; small ones go with the commit."""
        total, sent = sum(item.size for item in self._items), 0
        for begin in range(0, len(additions), TOGETHER):
            handful = additions[begin : begin + TOGETHER]
            persistently(
                f"uploading to {self._order.repository}",
                lambda some=handful: self._api.preupload_lfs_files(  # type: ignore[misc]
                    self._order.repository, some, free_memory=False
                ),
                self._say,
            )
            sent += sum(item.size for item in self._items[begin : begin + TOGETHER])
            share = sent * 100 // max(1, total)
            tick(f"{share}% of {size_text(total)}, {begin + len(handful)} of {len(additions)} files")

    def _commit(self, operations: list[CommitOperationAdd | CommitOperationDelete], head: str) -> str:
        """One commit on top of the one that was looked at. An answer that was lost may have been a yes."""
        order, lost = self._order, False

        def once() -> str:
            nonlocal lost
            try:
                made = self._api.create_commit(
                    order.repository, operations, commit_message=_message(order), parent_commit=head
                )
            except Exception as error:
                lost = lost or is_connection_lost(error) or (status_of(error) or 0) >= 500
                raise
            return str(made.oid)

        try:
            return persistently(f"committing to {order.repository}", once, self._say)
        except Exception as error:
            if status_of(error) != MOVED_ON:
                raise
            newest = str(self._api.model_info(order.repository, timeout=TIMEOUT_S).sha)
            if lost and not self._missing(newest):
                return newest
            raise Refusal(
                f"somebody else has pushed to {order.repository} meanwhile: nothing was changed; push again", FAILED
            ) from error

    def _stale(self) -> list[CommitOperationDelete]:
        """What an earlier push left that this one has no more: weights of another number of parts."""
        new = {item.path for item in self._items}
        folders = {path.rpartition("/")[0] for path in new if path.endswith((".safetensors", ".engine"))}
        stale = [
            path
            for path in self._target.files
            if path not in new
            and path.rpartition("/")[0] in folders
            and path.endswith((".safetensors", ".safetensors.index.json", ".engine"))
        ]
        if stale:
            self._say(f"replaced, and gone from {self._order.repository}: {', '.join(sorted(stale))}")
        return [CommitOperationDelete(path) for path in sorted(stale)]

    def _require_arrived(self, commit: str) -> None:
        missing = self._missing(commit)
        if missing:
            raise Refusal(
                f"{self._order.repository} has taken the commit {commit[:12]} without {', '.join(missing[:3])} (in all "
                f"{len(missing)}): is it in its .gitignore?",
                FAILED,
            )

    def _missing(self, commit: str) -> list[str]:
        held = persistently(self._order.repository, lambda: self._held(commit), self._say)
        return [item.path for item in self._items if held.get(item.path) != item.size]

    def _held(self, commit: str) -> Mapping[str, int | None]:
        info = self._api.model_info(self._order.repository, revision=commit, files_metadata=True, timeout=TIMEOUT_S)
        return {file.rfilename: file.size for file in info.siblings or ()}


def is_foreseen(error: Exception) -> bool:
    """Whether it is one that libraries raise where the Hub, the network or a file is not as it should be."""
    return (
        status_of(error) is not None
        or is_connection_lost(error)
        or isinstance(error, OSError | RuntimeError | ValueError)
    )


def failed(order: Order, error: Exception) -> Refusal:
    """What to say of an error of the library's on the way."""
    status = status_of(error)
    if status in (401, 403):
        return Refusal(
            f"the Hub refuses the push to {order.repository} (status {status}): the token may not write there", FAILED
        )
    return Refusal(
        f"the push to {order.repository} failed: {reason(error)}; just push repeats it, and sends nothing twice", FAILED
    )


def _message(order: Order) -> str:
    what = "engine" if order.what.value == "engine" else "quantised weights"
    return f"Upload {what} of {Path(order.source).name}"


def _small_content(item: Item) -> bytes:
    if item.text is not None:
        return item.text.encode()
    if item.place is None or item.size > SEARCHED_BYTES:
        return b""
    return item.place.read_bytes()


__all__ = ["Pushed", "Upload", "failed", "is_foreseen"]
