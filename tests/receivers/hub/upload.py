"""The Hub's routes for those who push: who somebody is, making a repository, the content of large files, the commit."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, MutableMapping
from typing import Any

import yaml

from tests.receivers.hub.contents import LFS_BYTES, Account, Repository, blob_id, is_large
from tests.receivers.hub.download import REPO, Downloads
from tests.receivers.hub.wire import Answer, Request, Route

FORBIDDEN = "You don't have the rights to do this."


class Uploads:
    """Changes repositories, as the account of the request may. `stored`: contents of large files by SHA-256; `find`:
    those that came another way.
    """

    def __init__(
        self,
        repositories: MutableMapping[str, Repository],
        downloads: Downloads,
        stored: MutableMapping[str, bytes],
        find: Callable[[str, int], bytes | None],
        url: Callable[[], str],
    ) -> None:
        self._repositories = repositories
        self._downloads = downloads
        self._stored = stored
        self._find = find
        self._url = url

    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("whoami", "GET", re.compile(r"/api/whoami-v2"), self._whoami),
            Route("create", "POST", re.compile(r"/api/repos/create"), self._create),
            Route("validate", "POST", re.compile(r"/api/validate-yaml"), self._validate),
            Route(
                "preupload", "POST", re.compile(rf"/api/models/{REPO}/preupload/(?P<revision>[^/]+)"), self._preupload
            ),
            Route("batch", "POST", re.compile(rf"/{REPO}\.git/info/lfs/objects/batch"), self._batch),
            Route("put", "PUT", re.compile(r"/storage/(?P<oid>[0-9a-f]{64})"), self._put),
            Route("verify", "POST", re.compile(rf"/{REPO}\.git/info/lfs/objects/verify"), self._verify),
            Route("commit", "POST", re.compile(rf"/api/models/{REPO}/commit/(?P<revision>[^/]+)"), self._commit),
        )

    def _whoami(self, request: Request, match: re.Match[str]) -> Answer:
        account = self._downloads.account(request)
        if account is None:
            return Answer.error(401, "Invalid credentials in Authorization header")
        scopes = [
            {"entity": {"type": "user", "name": place}, "permissions": list(permissions)}
            for place, permissions in account.scopes.items()
        ]
        token: dict[str, Any] = {"displayName": "a token", "role": account.role}
        if account.role == "fineGrained":
            token["fineGrained"] = {"canReadGatedRepos": True, "global": [], "scoped": scopes}
        return Answer.of(
            {
                "type": "user",
                "name": account.name,
                "orgs": [{"type": "org", "name": name} for name in account.organisations],
                "auth": {"type": "access_token", "accessToken": token},
            }
        )

    def _create(self, request: Request, match: re.Match[str]) -> Answer:
        account = self._downloads.account(request)
        if account is None:
            return Answer.error(401, "Invalid credentials in Authorization header")
        asked = request.json
        name = f"{asked.get('organization') or account.name}/{asked['name']}"
        if not account.may_write(name):
            return Answer.error(403, FORBIDDEN)
        if name in self._repositories:
            return Answer.of({"url": f"{self._url()}/{name}", "error": "You already created this model repo"}, 409)
        private = asked.get("private") is True or asked.get("visibility") == "private"
        made = self._repositories[name] = Repository(name, private=private)
        made.commit({".gitattributes": b"*.safetensors filter=lfs\n"}, "initial commit")
        return Answer.of({"url": f"{self._url()}/{name}", "name": name})

    def _validate(self, request: Request, match: re.Match[str]) -> Answer:
        front = re.match(r"---\n(.*?)\n---\n", request.json["content"], re.DOTALL)
        try:
            data = yaml.safe_load(front[1]) if front else None
        except yaml.YAMLError as error:
            return Answer.of({"errors": [{"message": str(error)}], "warnings": []}, 400)
        missing = [] if data else [{"message": "empty or missing yaml metadata in repo card"}]
        return Answer.of({"errors": [], "warnings": missing})

    def _preupload(self, request: Request, match: re.Match[str]) -> Answer:
        found = self._writable(request, match)
        if isinstance(found, Answer):
            return found
        held = found.head.files
        ignored = held.get(".gitignore", b"").decode().split()
        return Answer.of(
            {
                "files": [
                    {
                        "path": file["path"],
                        "uploadMode": "lfs" if _is_told_large(file) else "regular",
                        "shouldIgnore": file["path"] in ignored,
                        "oid": _remote_oid(file["path"], held.get(file["path"])),
                    }
                    for file in request.json["files"]
                ]
            }
        )

    def _batch(self, request: Request, match: re.Match[str]) -> Answer:
        found = self._writable(request, match)
        if isinstance(found, Answer):
            return found
        objects = []
        for asked in request.json["objects"]:
            told: dict[str, Any] = {"oid": asked["oid"], "size": asked["size"], "authenticated": True}
            if asked["oid"] not in self._stored:
                told["actions"] = {
                    "upload": {"href": f"{self._url()}/storage/{asked['oid']}"},
                    "verify": {"href": f"{self._url()}/{found.name}.git/info/lfs/objects/verify"},
                }
            objects.append(told)
        return Answer.of({"transfer": "basic", "objects": objects})

    def _put(self, request: Request, match: re.Match[str]) -> Answer:
        if request.token is not None:
            return Answer.error(400, "Only one auth mechanism allowed")
        if hashlib.sha256(request.body).hexdigest() != match["oid"]:
            return Answer.error(400, "The content is not what its digest says")
        self._stored[match["oid"]] = request.body
        return Answer()

    def _verify(self, request: Request, match: re.Match[str]) -> Answer:
        found = self._writable(request, match)
        if isinstance(found, Answer):
            return found
        stored = self._stored.get(request.json["oid"])
        good = stored is not None and len(stored) == request.json["size"]
        return Answer.of({}) if good else Answer.error(404, "no such object")

    def _commit(self, request: Request, match: re.Match[str]) -> Answer:
        found = self._writable(request, match)
        if isinstance(found, Answer):
            return found
        lines = [json.loads(line) for line in request.body.splitlines() if line.strip()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        parent = header.get("parentCommit")
        if parent is not None and parent != found.head.oid:
            return Answer.error(412, "A commit has happened since. Please refresh and try again.")
        files: dict[str, bytes] = {}
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                content = self._stored.get(value["oid"]) or self._find(value["oid"], value["size"])
                if content is None:
                    return Answer.error(400, f"LFS pointer to {value['path']} has no content")
                files[value["path"]] = content
        gone = {line["value"]["path"] for line in lines if line["key"] == "deletedFile"}
        made = found.commit(files, header["summary"], gone=gone)
        return Answer.of({"commitUrl": f"{self._url()}/{found.name}/commit/{made.oid}", "commitOid": made.oid})

    def _writable(self, request: Request, match: re.Match[str]) -> Repository | Answer:
        found = self._downloads.seen(request, match["repo"])
        if isinstance(found, Answer):
            return found
        account: Account | None = self._downloads.account(request)
        return found if account is not None and account.may_write(found.name) else Answer.error(403, FORBIDDEN)


def _is_told_large(file: dict[str, Any]) -> bool:
    return int(file["size"]) >= LFS_BYTES or is_large(file["path"], b"")


def _remote_oid(path: str, content: bytes | None) -> str | None:
    if content is None:
        return None
    return hashlib.sha256(content).hexdigest() if is_large(path, content) else blob_id(content)


__all__ = ["Uploads"]
