"""Prints, for the installed vLLM, the names that the contract file lists per member: one JSON object on stdout."""

import dataclasses
import enum
import importlib
import inspect
import json
import sys
from typing import Any


def names(path: str) -> list[str]:
    """Parameters, fields or members of what `path` names, e.g. `vllm.inputs.engine.tokens_input`."""
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = inspect.getattr_static(found, part) if isinstance(found, type) else getattr(found, part)
        return _of(found)
    raise ModuleNotFoundError(path)


def _of(found: Any) -> list[str]:
    if isinstance(found, property):
        return ["self"]
    if isinstance(found, classmethod | staticmethod):
        found = found.__func__
    if isinstance(found, type) and issubclass(found, enum.Enum):
        return list(found.__members__)
    if dataclasses.is_dataclass(found):
        return [field.name for field in dataclasses.fields(found)]
    if hasattr(found, "__struct_fields__"):
        return list(found.__struct_fields__)
    return list(inspect.signature(found).parameters)


if __name__ == "__main__":
    version = importlib.import_module("vllm.version").__version__
    told = {path: names(path) for path in json.loads(sys.stdin.read())}
    print(json.dumps({"version": version, "names": told}))
