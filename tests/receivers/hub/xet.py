"""The Hub's content-addressed storage, as far as hf_xet needs it to upload: a token, blocks of chunks, and a shard that
says which files they are.

Blocks are read (a header of eight bytes a chunk) and shards, so what a commit names is put together from what really
came. Compressed chunks are not: give it content that does not get smaller.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, MutableMapping

from tests.receivers.hub.contents import Account
from tests.receivers.hub.download import REPO, Downloads
from tests.receivers.hub.shard import Segment, files_of
from tests.receivers.hub.wire import Answer, Request, Route

WRITE_TOKEN = "xet-write-token"
HASH = r"[0-9a-f]{64}"
_HEADER = 8


class Storage:
    """Takes blocks. `find(digest, size)` puts a file together by its SHA-256."""

    def __init__(
        self,
        downloads: Downloads,
        stored: MutableMapping[str, bytes],
        url: Callable[[], str],
    ) -> None:
        self._downloads = downloads
        self._stored = stored
        self._url = url
        self._blocks: dict[str, list[bytes]] = {}
        self._files: dict[str, list[Segment]] = {}

    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route(
                "xet-token", "GET", re.compile(rf"/api/models/{REPO}/xet-write-token/(?P<revision>[^/]+)"), self._token
            ),
            Route("chunk", "GET", re.compile(rf"/cas/v1/chunks/[\w-]+/{HASH}"), self._nothing),
            Route("grant", "POST", re.compile(rf"/cas/v1/xorb-grants/[\w-]+/{HASH}"), self._nothing),
            Route("xorb", "POST", re.compile(rf"/cas/v1/xorbs/[\w-]+/(?P<hash>{HASH})"), self._block),
            Route("shard", "POST", re.compile(r"/cas/v2/shards"), self._shard),
        )

    def find(self, digest: str, size: int) -> bytes | None:
        """A file, put together out of the chunks that its shard names."""
        content = b"".join(
            chunk
            for segment in self._files.get(digest, ())
            for chunk in self._blocks.get(segment.block, [])[segment.begin : segment.end]
        )
        if len(content) != size or hashlib.sha256(content).hexdigest() != digest:
            return None
        self._stored[digest] = content
        return content

    def _token(self, request: Request, match: re.Match[str]) -> Answer:
        account: Account | None = self._downloads.account(request)
        if account is None or not account.may_write(match["repo"]):
            return Answer.error(403, "no write access")
        expires = int(time.time()) + 3600
        said = {"casUrl": f"{self._url()}/cas", "accessToken": WRITE_TOKEN, "exp": expires}
        return Answer.of(
            said,
            X_Xet_Cas_Url=str(said["casUrl"]),
            X_Xet_Access_Token=WRITE_TOKEN,
            X_Xet_Token_Expiration=str(expires),
        )

    def _nothing(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.error(404, "not found")

    def _block(self, request: Request, match: re.Match[str]) -> Answer:
        if request.token != WRITE_TOKEN:
            return Answer.error(401, "not the storage's token")
        self._blocks[match["hash"]] = _chunks(request.body)
        return Answer.of({"was_inserted": True})

    def _shard(self, request: Request, match: re.Match[str]) -> Answer:
        if request.token != WRITE_TOKEN:
            return Answer.error(401, "not the storage's token")
        self._files |= files_of(request.body)
        steps = (
            {"type": "validating", "verified": 1, "total": 1},
            {"type": "committing", "stage": "syncing"},
            {"type": "result"},
        )
        lines = "".join(f"{json.dumps(step)}\n" for step in steps)
        return Answer(body=lines.encode(), headers={"Content-Type": "application/x-ndjson"})


def _chunks(block: bytes) -> list[bytes]:
    """The chunks of a block: version, three bytes of length, how it is compressed, three bytes of length unpacked."""
    found, at = [], 0
    while at + _HEADER <= len(block):
        version, scheme = block[at], block[at + 4]
        length = int.from_bytes(block[at + 1 : at + 4], "little")
        if version != 0 or at + _HEADER + length > len(block):
            break  # the list of chunks that follows them
        assert scheme == 0, f"a chunk is compressed ({scheme}): give the test content that does not get smaller"
        found.append(block[at + _HEADER : at + _HEADER + length])
        at += _HEADER + length
    return found


__all__ = ["WRITE_TOKEN", "Storage"]
