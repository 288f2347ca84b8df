"""What a cache entry is: a name, and a recipe whose digest is its key.

Layout below a home: `<kind>/<name>-<key>/` complete entries, `<kind>/<name>-<key>.partial-<pid>/` being made,
`locks/<key>.lock` the maker's lock. Kinds: `models` (demo models), `quant`, `trt/checkpoints`, `trt/engines`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

COMPLETE = "complete.json"
KEY = "key.json"


@frozen(kw_only=True)
class Entry:
    """One thing that can be made. `recipe`: everything that changes the result, as plain JSON data."""

    kind: str = "models"
    name: str
    recipe: Mapping[str, object]

    @property
    def key(self) -> str:
        """16 hex digits of SHA-256 over the canonical JSON of the recipe."""
        return hashlib.sha256(canonical(self.recipe).encode()).hexdigest()[:16]

    def path(self, home: Path) -> Path:
        """Return where the complete entry lives."""
        return home / self.kind / f"{self.name}-{self.key}"


def canonical(data: Mapping[str, object]) -> str:
    """Return JSON that is equal for equal data: sorted keys, compact separators."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(text: str) -> str:
    """Return the SHA-256 of a text in hex, to stand for a long text in a recipe."""
    return hashlib.sha256(text.encode()).hexdigest()


def files_of(directory: Path) -> Iterator[Path]:
    """Every file of an entry, however deep, but the list of them; links are not followed."""
    return (path for path in sorted(directory.rglob("*")) if path.is_file() and path != directory / COMPLETE)


def is_complete(directory: Path) -> bool:
    """Whether a directory holds every file its `complete.json` lists, with the listed sizes."""
    try:
        listed = json.loads((directory / COMPLETE).read_text(encoding="utf-8"))["files"]
        return all((directory / name).stat().st_size == size for name, size in listed.items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False


__all__ = ["COMPLETE", "KEY", "Entry", "canonical", "digest", "files_of", "is_complete"]
