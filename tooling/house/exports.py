"""How a module begins and ends: with what it is, and with what it lets out."""

import ast
from collections.abc import Iterator

from tooling.house.finding import Finding, Rule
from tooling.house.module import Module, runs_program
from tooling.house.tree import Tree

EXPORTS = "__all__"


def _exports(tree: Tree) -> Iterator[Finding]:
    for module in tree.modules:
        found = [node for node in (placed.node for placed in module.statements) if _exports_in(node)]
        for node in found[1:]:
            yield Finding(module.path, node.lineno, f"{EXPORTS} a second time (first in line {found[0].lineno})")
        if len(found) == 1 and found[0] is not _end(module):
            yield Finding(module.path, found[0].lineno, f"{EXPORTS} is not at the bottom")


def _exports_in(node: ast.stmt) -> bool:
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):  # __all__.extend(...)
        targets = [node.value.func.value] if isinstance(node.value.func, ast.Attribute) else []
    return any(isinstance(one, ast.Name) and one.id == EXPORTS for one in targets)


def _end(module: Module) -> ast.stmt | None:
    """The last statement, but for what runs where the module is a program."""
    return next((node for node in reversed(module.body) if not runs_program(node)), None)


def _docstrings(tree: Tree) -> Iterator[Finding]:
    for module in tree.ours:
        first = module.body[0] if module.body else None
        if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and first.value.value):
            yield Finding(module.path, 1, "does not begin with a docstring")


ALL = Rule(
    "exports",
    "packages, tests: __all__ at most once, at the bottom (what runs a program may follow)",
    "assign it once, as the last statement",
    _exports,
)
DOCSTRINGS = Rule("docstring", "packages: every module begins with one", "say in a sentence what it is", _docstrings)

__all__ = ["ALL", "DOCSTRINGS"]
