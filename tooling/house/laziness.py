"""Imports that happen later than the module: what a module needs stands at its top, where everybody sees it."""

import ast
from collections.abc import Iterator

from tooling.house.finding import Finding, Rule
from tooling.house.imports import base
from tooling.house.module import Function, Module
from tooling.house.tree import Tree

# What takes seconds to load, or is there in one environment only: the modules that [tool.house.opened-late] names may
# import it when what they stand for is opened. `safetensors` is torch's: its useful half imports it.
HEAVY = frozenset({"vllm", "tensorrt_llm", "torch", "transformers", "llmcompressor", "modelopt", "safetensors"})
LOADERS = frozenset({"import_module", "__import__", "LazyLoader", "module_from_spec", "resolve_name", "run_module"})
HOOKS = frozenset({"__getattr__", "__dir__"})


def late_imports(module: Module) -> Iterator[Finding]:
    """Every import that is not at the top; the finding's subject is the library, or our module."""
    for placed in module.statements:
        node, function = placed.node, placed.function
        if function is None:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _finding(module, node.lineno, alias.name, function)
        elif isinstance(node, ast.ImportFrom):
            yield _finding(module, node.lineno, base(module, node), function)
    if any(name in module.text for name in LOADERS):
        yield from _loaded(module)


def _loaded(module: Module) -> Iterator[Finding]:
    """Calls of what imports by name, and the same under another name."""
    called: set[int] = set()
    for node, _ in module.expressions:  # a call comes before what it calls
        if isinstance(node, ast.Call) and _called(node.func) in LOADERS:
            called.add(id(node.func))
            first = node.args[0] if node.args else None
            name = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            what = f"{_called(node.func)}({name or '...'}) imports when it is called"
            yield Finding(module.path, node.lineno, what, _library(name))
        elif isinstance(node, ast.Attribute | ast.Name) and _called(node) in LOADERS and id(node) not in called:
            yield Finding(module.path, node.lineno, f"{_called(node)} gets another name")
    for placed in module.statements:
        if isinstance(placed.node, ast.ImportFrom):
            for alias in placed.node.names:
                if alias.name in LOADERS and alias.asname not in (None, alias.name):
                    yield Finding(module.path, placed.node.lineno, f"{alias.name} gets another name")


def _finding(module: Module, line: int, name: str, function: Function) -> Finding:
    return Finding(module.path, line, f"{function.name}() imports {name}", _library(name))


def _library(name: str) -> str:
    return name.partition(".")[0]


def _called(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _late(tree: Tree) -> Iterator[Finding]:
    for module in tree.ours:
        yield from late_imports(module)


def _attributes(tree: Tree) -> Iterator[Finding]:
    for module in tree.ours:
        for node in module.body:
            if isinstance(node, Function) and node.name in HOOKS:
                what = f"{node.name}() answers for names that the module does not have"
                yield Finding(module.path, node.lineno, what, node.name)


LATE_IMPORTS = Rule(
    "late-import",
    f"packages: no import in a function, no import_module; {', '.join(sorted(HEAVY))} where [tool.house.opened-late]"
    " lists the module",
    "import it at the top; a library that takes seconds to load goes into the module that opens it",
    _late,
)
LATE_ATTRIBUTES = Rule(
    "late-attribute", "packages: no __getattr__ or __dir__ of a module", "import the name at the top", _attributes
)

__all__ = ["HEAVY", "LATE_ATTRIBUTES", "LATE_IMPORTS", "late_imports"]
