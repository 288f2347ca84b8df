"""The environment is read where a program begins, and handed on."""

import ast
import re
from collections.abc import Iterator

from tooling.house.finding import Finding, Rule
from tooling.house.module import Module
from tooling.house.tree import Tree

NAMES = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})
READ = re.compile(r"\bos\s*\.\s*\w*env|from\s+os\s+import")


def _check(tree: Tree) -> Iterator[Finding]:
    for module in tree.ours:
        if READ.search(module.text) and not module.is_program:
            yield from _reads(module)


def _reads(module: Module) -> Iterator[Finding]:
    for node, _ in module.expressions:
        if isinstance(node, ast.Attribute) and node.attr in NAMES and ast.unparse(node.value) == "os":
            yield Finding(module.path, node.lineno, f"reads os.{node.attr}, and is no program")
    for placed in module.statements:
        if isinstance(placed.node, ast.ImportFrom) and placed.node.module == "os" and not placed.node.level:
            for alias in placed.node.names:
                if alias.name in NAMES:
                    yield Finding(module.path, placed.node.lineno, f"reads os.{alias.name}, and is no program")


ENVIRONMENT = Rule(
    "environment",
    "packages: os.environ in programs only (__main__, or with `if __name__ ==`); the linter's ban can be silenced",
    "take what you need as an argument; the entry module reads it",
    _check,
)

__all__ = ["ENVIRONMENT"]
