"""One event loop: trio's. The other one stays where an engine's library lives in it."""

import ast
from collections.abc import Iterator

from tooling.house.finding import Finding, Rule
from tooling.house.tree import Tree

OTHER = "asyncio"


def _check(tree: Tree) -> Iterator[Finding]:
    for module in tree.ours:
        for placed in module.statements:
            node = placed.node
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            if any(name.partition(".")[0] == OTHER for name in names):
                yield Finding(module.path, node.lineno, f"imports {OTHER}")


ASYNCIO = Rule(
    "asyncio",
    "packages: asyncio nowhere but in the exceptions; the linter's ban can be silenced in a line, this cannot",
    "use trio, or have the engine's island do it",
    _check,
)

__all__ = ["ASYNCIO"]
