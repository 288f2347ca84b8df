"""Names of the pinned contract, read once."""

import json
from pathlib import Path
from typing import Any

_FILE = Path(__file__).resolve().parents[4] / "contract" / "tensorrt_contract.json"
_NAMES: dict[str, list[str]] = json.loads(_FILE.read_text())["tensorrt_llm"]["1.2"]


def names(member: str) -> frozenset[str]:
    """The parameters or fields of a member."""
    return frozenset(_NAMES[member]) - {"self", "**kwargs"}


def check(member: str, given: dict[str, Any], error: type[Exception], *also: str) -> None:
    """Raise `error` for a keyword that the member does not have."""
    unknown = given.keys() - names(member) - set(also)
    if unknown:
        raise error(f"{member} takes no {sorted(unknown)}")


__all__ = ["check", "names"]
