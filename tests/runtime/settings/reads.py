"""Which settings the source reads: found in the syntax, by the way from a settings object to a field of a section."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from attrs import define, field

from runtime.settings.sections import FIELDS

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("actors", "engines", "protocol", "runtime", "tooling")
# What these read is every setting alike, to show or to describe it.
EXEMPT = (Path("runtime/settings"), Path("tooling/settings.py"))
OBJECTS = ("settings", "sections")
CLIENTS = Path("tooling/clients")


@define
class Reads(ast.NodeVisitor):
    """Collects (section, field) of every read below a node.

    `names`: what local names stand for, a section or, as "", the settings themselves. A name that is given two
    meanings in one function would count for both; no code here does that.
    """

    names: dict[str, set[str]] = field(factory=dict)
    found: set[tuple[str, str]] = field(factory=set)

    def meaning(self, node: ast.expr) -> set[str]:
        """The sections that an expression may be; "" is the settings."""
        match node:
            case ast.Name(id=name):
                return self.names.get(name, set()) | ({""} if name in OBJECTS else set())
            case ast.Attribute(attr=name) if name in OBJECTS:
                return {""}
            case ast.Attribute(value=inner, attr=name) if name in FIELDS and "" in self.meaning(inner):
                return {name}
        return set()

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._name(target, node.value)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        for section in self.meaning(node.value):
            if section and node.attr in FIELDS[section]:
                self.found.add((section, node.attr))
        self.generic_visit(node)

    def _name(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ast.Name(id=name), _:
                self.names.setdefault(name, set()).update(self.meaning(value))
            case ast.Tuple(elts=targets), ast.Tuple(elts=values):
                for each, given in zip(targets, values, strict=False):
                    self._name(each, given)


def reads_in(source: str) -> set[tuple[str, str]]:
    """(section, field) of every read in a module; local names count within their own function."""
    found: set[tuple[str, str]] = set()
    for scope in _scopes(ast.parse(source)):
        reader = Reads()
        reader.visit(scope)
        found |= reader.found
    return found


def _scopes(tree: ast.AST) -> Iterator[ast.AST]:
    """Outermost functions, each with what is inside it, and the statements outside of functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _scopes(node)
        else:
            yield node


def reads_by_file() -> Mapping[Path, set[tuple[str, str]]]:
    """The same for every module that may have an effect, by its path in the repository."""
    return {
        path.relative_to(ROOT): reads_in(path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if not any(path.relative_to(ROOT).is_relative_to(each) for each in EXEMPT)
    }


def read_by_clients(names: Iterable[str]) -> set[str]:
    """Which of these variables the test clients read. They stand on nothing of the server's, its settings included:
    each names what it reads in its code, whole or behind a prefix ("TOOL_" before the tail of an f-string).
    """
    words: set[str] = set()
    tails: set[str] = set()
    for path in sorted((ROOT / CLIENTS).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = list(ast.walk(tree))
        told = {id(key) for node in nodes if isinstance(node, ast.Dict) for key in node.keys}  # tables for --help
        words |= {
            node.value
            for node in nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told
        }
        tails |= {
            str(last.value)
            for node in nodes
            if isinstance(node, ast.JoinedStr) and isinstance(last := node.values[-1], ast.Constant)
        }
    return {name for name in names if name in words or any(name.removesuffix(tail) in words for tail in tails)}


__all__ = ["read_by_clients", "reads_by_file", "reads_in"]
