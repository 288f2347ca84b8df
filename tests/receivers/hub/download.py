"""The Hub's routes for those who fetch: what a model is and has, and its files."""

import hashlib
import re
from collections.abc import Mapping

from tests.receivers.hub.contents import Account, Commit, Repository, blob_id, is_large
from tests.receivers.hub.wire import Answer, Request, Route

REPO = r"(?P<repo>[\w.-]+(?:/[\w.-]+)?)"


class Downloads:
    """Answers from repositories, as the account of the request may see them."""

    def __init__(self, repositories: Mapping[str, Repository], accounts: Mapping[str, Account]) -> None:
        self._repositories = repositories
        self._accounts = accounts

    def routes(self) -> tuple[Route, ...]:
        """The routes, the narrower first."""
        return (
            Route("info", "GET", re.compile(rf"/api/models/{REPO}/revision/(?P<revision>.+)"), self._info),
            Route("tree", "GET", re.compile(rf"/api/models/{REPO}/tree/(?P<revision>[^/]+)"), self._tree),
            Route("info", "GET", re.compile(rf"/api/models/{REPO}"), self._info),
            Route(
                "resolve",
                "GET",
                re.compile(rf"/{REPO}/resolve/(?P<revision>[^/]+|refs/[^/]+/[^/]+)/(?P<path>.+)"),
                self._file,
            ),
        )

    def account(self, request: Request) -> Account | None:
        """Whose token came with a request; None for no token and for a wrong one."""
        return self._accounts.get(request.token or "")

    def seen(self, request: Request, name: str) -> Repository | Answer:
        """A repository, or what the Hub says to somebody who does not see it."""
        if request.token is not None and self.account(request) is None:
            return Answer.error(401, "Invalid credentials in Authorization header")
        found = self._repositories.get(name)
        if found is None or not found.is_open_to(self.account(request)):
            # Without a token nobody learns whether it exists.
            return (
                Answer.error(401, "Invalid username or password.", "RepoNotFound")
                if request.token is None
                else Answer.error(404, "Repository not found", "RepoNotFound")
            )
        return found

    def _info(self, request: Request, match: re.Match[str]) -> Answer:
        found = self._at(request, match)
        if isinstance(found, Answer):
            return found
        repository, commit = found
        return Answer.of(
            {
                "id": repository.name,
                "sha": commit.oid,
                "private": repository.private,
                "gated": "manual" if repository.gated else False,
                "cardData": dict(repository.card),
                "tags": [f"license:{repository.card['license']}"] if "license" in repository.card else [],
                "siblings": [_sibling(path, content) for path, content in sorted(commit.files.items())],
            }
        )

    def _tree(self, request: Request, match: re.Match[str]) -> Answer:
        found = self._at(request, match)
        if isinstance(found, Answer):
            return found
        return Answer.of(
            [
                {
                    "type": "file",
                    "path": path,
                    "oid": blob_id(content),
                    "size": len(content),
                    **_lfs(path, content, "oid"),
                }
                for path, content in sorted(found[1].files.items())
            ]
        )

    def _file(self, request: Request, match: re.Match[str]) -> Answer:
        found = self._at(request, match)
        if isinstance(found, Answer):
            return found
        repository, commit = found
        if not repository.gives_files_to(self.account(request)):
            status = 401 if request.token is None else 403
            return Answer.error(status, f"Access to model {repository.name} is restricted.", "GatedRepo")
        content = commit.files.get(match["path"])
        if content is None:
            missing = Answer.error(404, "Entry not found", "EntryNotFound")
            return Answer(status=404, body=missing.body, headers={**missing.headers, "X-Repo-Commit": commit.oid})
        large = is_large(match["path"], content)
        etag = hashlib.sha256(content).hexdigest() if large else blob_id(content)
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
        begin = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        if begin and int(begin[1]):
            rest = content[int(begin[1]) :]
            ranged = f"bytes {begin[1]}-{len(content) - 1}/{len(content)}"
            return Answer(status=206, body=rest, headers={**headers, "Content-Range": ranged})
        if request.method == "HEAD":
            return Answer(headers={**headers, "Content-Length": str(len(content))})
        return Answer(body=content, headers=headers)

    def _at(self, request: Request, match: re.Match[str]) -> tuple[Repository, Commit] | Answer:
        found = self.seen(request, match["repo"])
        if isinstance(found, Answer):
            return found
        commit = found.at(match.groupdict().get("revision") or "main")
        return (found, commit) if commit else Answer.error(404, "Invalid rev id", "RevisionNotFound")


def _sibling(path: str, content: bytes) -> dict[str, object]:
    return {"rfilename": path, "size": len(content), "blobId": blob_id(content), **_lfs(path, content, "sha256")}


def _lfs(path: str, content: bytes, digest: str) -> dict[str, object]:
    if not is_large(path, content):
        return {}
    return {"lfs": {"size": len(content), digest: hashlib.sha256(content).hexdigest(), "pointerSize": 130}}


__all__ = ["REPO", "Downloads"]
