"""What lies in the cache and could be pushed: exports, checkpoints and engines, by what is written down about them."""

import enum
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from tooling.cache import is_complete
from tooling.cache.entry import KEY
from tooling.models import Reference
from tooling.push.contents import CHECKPOINT_METADATA, ENGINE_METADATA, EXPORT_METADATA

LOCAL = "local"
"""Stands for the revision of a base model that was a directory."""
_FOUR, _EIGHT = ("awq", "round", "int4_awq"), ("fp8", "int8_sq")
_WORDS = {"4bit": _FOUR, "awq": ("awq", "int4_awq"), "8bit": _EIGHT, "fp8": ("fp8",), "int8_sq": ("int8_sq",)}


class Kind(enum.StrEnum):
    """What a directory holds."""

    EXPORT = "export"
    CHECKPOINT = "checkpoint"
    ENGINE = "engine"


_FILES = {Kind.EXPORT: EXPORT_METADATA, Kind.CHECKPOINT: CHECKPOINT_METADATA, Kind.ENGINE: ENGINE_METADATA}


@frozen(kw_only=True)
class Found:
    """One directory that was made here. `source`: the base model; `revision`: its commit, None for a directory.

    `method`: how it is quantised; `made_at`: a moment in ISO 8601; `told`: all that is written down.
    """

    place: Path
    kind: Kind
    source: str
    revision: str | None
    method: str
    made_at: str
    told: Mapping[str, Any] = field(repr=False)

    @property
    def checkpoint_key(self) -> str | None:
        """Of an engine: the key of the checkpoint made here that it was built from; None for any other."""
        recipe = _read(self.place / KEY) or {}
        checkpoint = recipe.get("checkpoint")
        key = checkpoint.get("key") if isinstance(checkpoint, Mapping) else None
        return key if isinstance(key, str) else None

    @property
    def key(self) -> str:
        """Its own key."""
        return str(self.told.get("checkpoint_key") if self.kind is Kind.CHECKPOINT else self.told.get("key", ""))

    def described(self) -> str:
        """One line for people."""
        more = f", {self.told.get('engine_label')}" if self.kind is Kind.ENGINE else ""
        return f"{self.place}  ({self.kind.value}, {self.method} of {self.source}{more}, {self.made_at})"


def entries(places: Iterable[Path]) -> tuple[Found, ...]:
    """Everything complete below these directories of the cache, the newest first."""
    found = [
        each
        for kind in places
        if kind.is_dir()
        for place in sorted(kind.iterdir())
        if place.is_dir() and ".partial-" not in place.name and is_complete(place)
        for each in _look(place)
    ]
    return tuple(sorted(found, key=lambda each: each.made_at, reverse=True))


def at(place: Path) -> Found | None:
    """What one directory holds, wherever it is; None if nothing that could be pushed."""
    return next(iter(_look(place)), None)


def of(found: Iterable[Found], reference: Reference | None, word: str | None) -> tuple[Found, ...]:
    """Those of a model, all without one; `word`: 4bit, 8bit or a format."""
    methods = _WORDS.get(word or "")
    return tuple(
        each
        for each in found
        if (reference is None or _is_of(each, reference)) and (methods is None or each.method in methods)
    )


def _is_of(found: Found, reference: Reference) -> bool:
    if reference.directory is not None:
        # Of a directory metadata may keep the last name only.
        return found.revision is None and found.source in (reference.name, reference.directory.name)
    named = reference.revision is None or (found.revision or "").startswith(reference.revision)
    return found.source == reference.name and found.revision is not None and named


def _look(place: Path) -> Iterator[Found]:
    for kind, name in _FILES.items():
        told = _read(place / name)
        if told is None:
            continue
        source = told.get("source_model" if kind is Kind.EXPORT else "model_id")
        revision = told.get("source_revision" if kind is Kind.EXPORT else "model_revision")
        yield Found(
            place=place,
            kind=kind,
            source=str(source),
            revision=None if revision in (None, LOCAL) else str(revision),
            method=str(told.get("method" if kind is Kind.EXPORT else "quant_method", "")),
            made_at=str(told.get("created_at" if kind is Kind.EXPORT else "built_at", "")),
            told=told,
        )
        return


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


__all__ = ["Found", "Kind", "at", "entries", "of"]
