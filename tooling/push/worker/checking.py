"""Whether the Hub will let a push through: whose token it is, what that may write, and what the repository holds."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import RepositoryNotFoundError

from tooling.models.model import parse_json
from tooling.models.worker.resolving import MAIN, Hub
from tooling.models.worker.retrying import persistently, status_of
from tooling.push.order import Order
from tooling.push.worker import belonging
from tooling.push.worker.speaking import Say
from tooling.refusal import Refusal

TIMEOUT_S = 20.0


@frozen(kw_only=True)
class Target:
    """The repository of a push. `files`: bytes by path; `head`: its newest commit; both empty where it is not there."""

    account: str
    exists: bool
    private: bool
    head: str | None
    files: Mapping[str, int]
    complaints: tuple[str, ...]


def look(order: Order, api: HfApi, say: Say) -> Target:
    """Ask who we are and what is there. Complaints are found, not raised; raises what the library does otherwise."""
    try:
        who = persistently("who the token belongs to", api.whoami, say)
    except Exception as error:
        if status_of(error) not in (401, 403):
            raise
        text = (
            f"HF_TOKEN is refused by {constants.ENDPOINT} (status {status_of(error)}): it has ended or is misspelt; "
            f"make one with write access on {constants.ENDPOINT}/settings/tokens"
        )
        return Target(account="", exists=False, private=order.private, head=None, files={}, complaints=(text,))
    found = _info(order, api, say)
    files = {file.rfilename: file.size or 0 for file in found.siblings or ()} if found else {}
    read = _reader(order, found.sha if found else None, api, say)
    complaints = (*_of_account(order, who), *belonging.complaints(order, found is not None, files, read))
    return Target(
        account=str(who.get("name", "")),
        exists=found is not None,
        private=bool(found.private) if found else order.private,
        head=found.sha if found else None,
        files=files,
        complaints=complaints,
    )


def _info(order: Order, api: HfApi, say: Say) -> Any:
    try:
        return persistently(
            order.repository,
            lambda: api.model_info(order.repository, files_metadata=True, timeout=TIMEOUT_S),
            say,
        )
    except RepositoryNotFoundError:
        return None


def _of_account(order: Order, who: Mapping[str, Any]) -> Iterator[str]:
    owner = order.repository.partition("/")[0]
    name = str(who.get("name", ""))
    organisations = {str(each.get("name")): each for each in who.get("orgs") or ()}
    token = ((who.get("auth") or {}).get("accessToken") or {}) if isinstance(who.get("auth"), Mapping) else {}
    role = token.get("role")
    mend = f"make one with write access on {constants.ENDPOINT}/settings/tokens"
    if role == "read":
        yield f"HF_TOKEN of {name} may only read: {mend}"
    if role == "fineGrained" and not _may_write(token.get("fineGrained"), owner, order.repository):
        yield f"HF_TOKEN of {name} may not write to {order.repository}: {mend}"
    if owner not in {name, *organisations}:
        known = ", ".join(sorted(organisations)) or "none"
        yield (
            f"HF_PUSH_REPO_ID={order.repository}: the token belongs to {name}, who is not {owner}; organisations of "
            f"{name}: {known}"
        )
    elif organisations.get(owner, {}).get("roleInOrg") == "read":
        yield f"{name} may only read in {owner}: ask its administrators for the right to write"


def _may_write(said: object, owner: str, repository: str) -> bool:
    """Whether a fine-grained token reaches a repository; what cannot be read is left for the Hub to judge."""
    if not isinstance(said, Mapping) or not isinstance(said.get("scoped"), list):
        return True
    for scope in said["scoped"]:
        entity = scope.get("entity") or {}
        permissions = [str(each) for each in scope.get("permissions") or ()]
        if entity.get("name") in (owner, repository) and any(
            each.startswith("repo.") and "write" in each for each in permissions
        ):
            return True
    return False


def _reader(order: Order, head: str | None, api: HfApi, say: Say) -> Callable[[str], Mapping[str, Any]]:
    def read(path: str) -> Mapping[str, Any]:
        token = api.token if isinstance(api.token, str) else None
        place = Hub(token, say).download(order.repository, path, head or MAIN)
        try:
            return parse_json(place, order.repository)
        except Refusal:
            return {}  # whatever it is, it does not say that another model is there

    return read


__all__ = ["TIMEOUT_S", "Target", "look"]
