"""One class a file; what is only a shape of data, a set of names or an error does not count."""

import ast
import builtins
from collections.abc import Iterator

from attrs import frozen

from tooling.house.finding import Finding, Rule
from tooling.house.imports import Imports, base
from tooling.house.module import Module
from tooling.house.tree import Tree

DATA_DECORATORS = frozenset({"dataclass", "define", "frozen", "mutable", "attrs", "attr.s"})
DATA_BASES = frozenset({"NamedTuple", "TypedDict", "Struct"})
ENUMS = frozenset({"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"})
ERRORS = frozenset(
    name for name, one in vars(builtins).items() if isinstance(one, type) and issubclass(one, BaseException)
)


@frozen
class Kinds:
    """Tells which classes count, following their bases through the tree."""

    imports: Imports

    def counts(self, module: Module, node: ast.ClassDef) -> bool:
        """Whether it is one of those of which a file has one."""
        return not self._exempt(module, node, frozenset()) and "Protocol" not in map(_last, node.bases)

    def _exempt(self, module: Module, node: ast.ClassDef, seen: frozenset[tuple[str, str]]) -> bool:
        if any(_decorates(one) for one in node.decorator_list):
            return True
        me = (module.name, node.name)
        return me not in seen and any(self._base(module, one, seen | {me}) for one in node.bases)

    def _base(self, module: Module, node: ast.expr, seen: frozenset[tuple[str, str]]) -> bool:
        name = _last(node)
        found = self._find(module, name)
        if found is not None:
            return self._exempt(*found, seen)
        return name in DATA_BASES | ENUMS | ERRORS or name.endswith(("Error", "Exception", "Warning"))

    def _find(self, module: Module, name: str) -> tuple[Module, ast.ClassDef] | None:
        """The class of the tree that a name at the top of this module stands for."""
        for node in module.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return module, node
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    other = self.imports.names.get(base(module, node))
                    if name == (alias.asname or alias.name) and other is not None and other is not module:
                        return self._find(other, alias.name)
        return None


def _decorates(node: ast.expr) -> bool:
    whole = ast.unparse(node.func if isinstance(node, ast.Call) else node)
    return whole in DATA_DECORATORS or whole.rpartition(".")[2] in DATA_DECORATORS


def _last(node: ast.expr) -> str:
    """`Generic` of `typing.Generic[T]`."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _check(tree: Tree) -> Iterator[Finding]:
    kinds = Kinds(Imports(tree))
    for module in tree.ours:
        classes = [node for node in _top(module.body) if isinstance(node, ast.ClassDef)]
        counted = [node for node in classes if len(classes) > 1 and kinds.counts(module, node)]
        for node in counted[1:]:
            what = f"class {node.name} stands beside {counted[0].name}"
            yield Finding(module.path, node.lineno, what, node.name)
        for placed in module.statements:
            if isinstance(placed.node, ast.ClassDef) and placed.function is not None:
                what = f"class {placed.node.name} is made anew by every {placed.function.name}()"
                yield Finding(module.path, placed.node.lineno, what, placed.node.name)


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What stands at the top, under conditions too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
            for name in ("body", "orelse", "finalbody"):
                yield from _top(getattr(node, name, []))
            for handler in getattr(node, "handlers", ()):
                yield from _top(handler.body)


CLASSES = Rule(
    "one-class",
    "packages: one top-level class a file, none in a function; data classes (attrs too), enums, exceptions, protocols"
    " do not count at the top",
    "give it a module of its own",
    _check,
)

__all__ = ["CLASSES"]
