"""Names of the pinned contract, read once."""

import inspect
import json
from pathlib import Path
from typing import Any

_FILE = Path(__file__).resolve().parents[4] / "contract" / "tensorrt_contract.json"
_NAMES: dict[str, list[str]] = json.loads(_FILE.read_text())["tensorrt_llm"]["1.2"]


def names(member: str) -> frozenset[str]:
    """The parameters or fields of a member."""
    return frozenset(_NAMES[member]) - {"self", "**kwargs"}


def signature(member: str) -> inspect.Signature:
    """What a class that takes these names as keywords looks like from outside."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature([inspect.Parameter(name, kind, default=None) for name in sorted(names(member))])


def check(member: str, given: dict[str, Any], error: type[Exception], *also: str) -> None:
    """Raise `error` for a keyword that the member does not have."""
    unknown = given.keys() - names(member) - set(also)
    if unknown:
        raise error(f"{member} takes no {sorted(unknown)}")


__all__ = ["check", "names", "signature"]
