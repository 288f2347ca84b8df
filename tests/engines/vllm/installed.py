"""Prints, for the installed vLLM, the names that the contract file lists per member: one JSON object on stdout.

Besides parameters, fields and members: a path that ends in `.self` names the attributes that a class's own methods set,
and one that ends in `:NAME` what a function asks of its variable NAME.
"""

import ast
import dataclasses
import enum
import importlib
import inspect
import json
import sys
import textwrap
from typing import Any


def names(path: str) -> list[str]:
    """The names of what `path` names, e.g. `vllm.inputs.engine.tokens_input`."""
    place, _, variable = path.partition(":")
    own = place.endswith(".self")
    found = _found(place.removesuffix(".self"))
    if own or variable:
        tree = ast.parse(textwrap.dedent(inspect.getsource(found)))
        return assigned(tree) if own else asked(tree, variable)
    return _of(found)


def assigned(tree: ast.AST) -> list[str]:
    """The attributes that are set on `self`, plainly or with an annotation."""
    told = set()
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        told |= {each.attr for each in targets if isinstance(each, ast.Attribute) and _is(each.value, "self")}
    return sorted(told)


def asked(tree: ast.AST, variable: str) -> list[str]:
    """The attributes that are read of a variable."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return sorted({node.attr for node in nodes if _is(node.value, variable)})


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _found(path: str) -> Any:
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = inspect.getattr_static(found, part) if isinstance(found, type) else getattr(found, part)
        return found
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
