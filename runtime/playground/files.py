"""The files of the page: read once, in a table by name."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

SITE = Path(__file__).parent / "site"
INDEX = "index.html"
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


@frozen
class File:
    """One file: its bytes, what they are, and an entity tag that changes with them."""

    body: bytes
    content_type: str
    tag: str


def read_files(site: Path = SITE) -> Mapping[str, File]:
    """Every file of the page by its name; they lie side by side. Raises `OSError` when they are not there."""
    return {path.name: _read(path) for path in sorted(site.iterdir()) if path.suffix in CONTENT_TYPES}


def _read(path: Path) -> File:
    body = path.read_bytes()
    return File(body, CONTENT_TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')


__all__ = ["INDEX", "File", "read_files"]
