"""Whether the Hub will let a push through: whose token it is, what that may write, and what the repository holds."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import RepositoryNotFoundError

from tooling.models.detection import trt_folders
from tooling.models.worker.retrying import persistently, status_of
from tooling.push.contents import EXPORT_METADATA
from tooling.push.order import Order, What
from tooling.push.worker.speaking import Say

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
    complaints = (*_of_account(order, who), *_of_repository(order, found is not None, files))
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


def _of_repository(order: Order, exists: bool, files: Mapping[str, int]) -> Iterator[str]:
    if order.must_exist and not exists:
        yield (
            f"{order.repository} is not on {constants.ENDPOINT}, or the token may not see it: an engine is added to "
            "the repository its checkpoint is in; --push-quant makes one"
        )
    if order.what is not What.QUANT:
        if exists and not trt_folders(files)[0]:
            yield (
                f"{order.repository} holds no TensorRT-LLM checkpoint, and an engine goes beside the one it is of: "
                "name its repository in HF_PUSH_REPO_ID"
            )
        return
    has_weights = any("/" not in path and path.endswith((".safetensors", ".bin", ".gguf")) for path in files)
    has_engines = any(path.startswith("trt-llm/") for path in files)
    mend = "its files would no longer fit together; name another repository in HF_PUSH_REPO_ID"
    if order.export is not None and has_engines:
        yield f"{order.repository} holds a TensorRT-LLM checkpoint: {mend}"
    elif has_weights and (order.export is None or EXPORT_METADATA not in files):
        yield f"{order.repository} holds another model's weights: {mend}"


__all__ = ["TIMEOUT_S", "Target", "look"]
