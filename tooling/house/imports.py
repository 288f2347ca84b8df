"""Which module imports which, as the interpreter would run them."""

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property

from attrs import field, frozen

from tooling.house.module import Module
from tooling.house.tree import Tree


def base(module: Module, node: ast.ImportFrom) -> str:
    """The dotted name between `from` and `import`, dots at its front resolved."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - module.is_package
    return ".".join([*parts[: len(parts) - up], *([node.module] if node.module else [])])


@frozen
class Imports:
    """Of the modules of a tree, by name."""

    tree: Tree
    names: Mapping[str, Module] = field(init=False)

    @names.default
    def _by_name(self) -> Mapping[str, Module]:
        return {one.name: one for one in self.tree.modules}

    @cached_property
    def graph(self) -> dict[str, dict[str, int]]:
        """For each module those it imports, and the line of the first time; wherever in it that stands."""
        return {name: self._edges(module) for name, module in self.names.items()}

    def _edges(self, module: Module) -> dict[str, int]:
        edges: dict[str, int] = {}
        for name, line in self._wanted(module):
            for target in self._run(module.name, name):
                edges.setdefault(target, line)
        edges.pop(module.name, None)
        return edges

    def _wanted(self, module: Module) -> Iterator[tuple[str, int]]:
        for placed in module.statements:
            node = placed.node
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                where = base(module, node)
                for alias in node.names:
                    inner = f"{where}.{alias.name}"
                    yield (inner if inner in self.names else where), node.lineno
                # A name out of a package is the package's only once all of the package has run.
                if any(f"{where}.{alias.name}" not in self.names for alias in node.names):
                    yield where, node.lineno

    def _run(self, importer: str, name: str) -> Iterator[str]:
        """What runs: the module, and the packages around it that are not already around the importer."""
        if name in self.names:
            yield name
        outer = name.rpartition(".")[0]
        while outer:
            if outer in self.names and not f"{importer}.".startswith(f"{outer}."):
                yield outer
            outer = outer.rpartition(".")[0]


__all__ = ["Imports", "base"]
