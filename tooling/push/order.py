"""One push, decided and not yet done: what goes where. Plain data; what it names may be made only later."""

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen


class What(enum.StrEnum):
    """QUANT: an export for vLLM, or a TensorRT-LLM checkpoint with its engine. ENGINE: one engine, nothing else."""

    QUANT = "quant"
    ENGINE = "engine"


@frozen(kw_only=True)
class Order:
    """One push. `private`: of a repository that is made for it; `must_exist`: none is made.

    `source`: the base model's Hub id, or a directory's path with `revision` None. `export`: vLLM's; `checkpoint` and
    `engines`: TensorRT-LLM's; `form`: the format of the first two as their metadata has it, "" where it is unknown.
    `licence_timeout_s`: how long the base model's licence is looked for.
    """

    what: What
    repository: str
    private: bool = True
    must_exist: bool = False
    source: str
    revision: str | None = None
    export: Path | None = None
    checkpoint: Path | None = None
    engines: tuple[Path, ...] = ()
    form: str = ""
    licence_timeout_s: float = 5.0

    @property
    def places(self) -> tuple[Path, ...]:
        """The directories that are uploaded."""
        return tuple(place for place in (self.export, self.checkpoint, *self.engines) if place is not None)

    def as_json(self) -> dict[str, object]:
        """The same as JSON data."""
        return {
            "what": self.what.value,
            "repository": self.repository,
            "private": self.private,
            "must_exist": self.must_exist,
            "source": self.source,
            "revision": self.revision,
            "export": str(self.export) if self.export else None,
            "checkpoint": str(self.checkpoint) if self.checkpoint else None,
            "engines": [str(path) for path in self.engines],
            "form": self.form,
            "licence_timeout_s": self.licence_timeout_s,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Order":
        """Read what `as_json` wrote."""
        return cls(
            what=What(data["what"]),
            repository=data["repository"],
            private=data["private"],
            must_exist=data["must_exist"],
            source=data["source"],
            revision=data["revision"],
            export=Path(data["export"]) if data["export"] else None,
            checkpoint=Path(data["checkpoint"]) if data["checkpoint"] else None,
            engines=tuple(Path(path) for path in data["engines"]),
            form=data["form"],
            licence_timeout_s=data["licence_timeout_s"],
        )


__all__ = ["Order", "What"]
