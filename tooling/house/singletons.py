"""State that a module gets later on: what is made once belongs to whoever makes it, and is handed on."""

import ast
import re
from collections.abc import Iterator

from tooling.house.finding import Finding, Rule
from tooling.house.module import Module
from tooling.house.tree import Tree

NAMES = frozenset({"_instance", "_instances", "_singleton", "__instance"})
MAKERS = frozenset({"get_instance", "getinstance", "get_singleton"})
CACHES = frozenset({"cache", "lru_cache"})
CONTAINERS = frozenset({"dict", "list", "set", "defaultdict", "deque", "OrderedDict", "Counter"})
WEAK = ("WeakKeyDictionary", "WeakValueDictionary", "WeakSet")
FILLING = (
    *("add", "append", "appendleft", "clear", "discard", "extend", "insert"),
    *("pop", "popitem", "remove", "setdefault", "sort", "update"),
)
SET = re.compile(r"\b(\w+)\.\w+\s*(?:[-+*/%|&^@]|//|\*\*|<<|>>)?=(?!=)")


def _singletons(tree: Tree) -> Iterator[Finding]:
    for module in tree.ours:
        for placed in module.statements:
            node = placed.node
            if isinstance(node, ast.Assign | ast.AnnAssign):
                for name in _targets(node):
                    if name in NAMES:
                        yield Finding(module.path, node.lineno, f"{name} keeps the one instance", name)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if node.name.lower().strip("_") in MAKERS:
                    yield Finding(module.path, node.lineno, f"{node.name}() hands out the one instance", node.name)
                elif not _parameters(node) and any(_last(one) in CACHES for one in node.decorator_list):
                    what = f"{node.name}() takes nothing and is cached: it is made at the first call"
                    yield Finding(module.path, node.lineno, what, node.name)


def _module_state(tree: Tree) -> Iterator[Finding]:
    for module in tree.ours:
        for placed in module.statements:
            if isinstance(placed.node, ast.Global):
                names = ", ".join(placed.node.names)
                yield Finding(module.path, placed.node.lineno, f"global {names}: set after the import", names)
        yield from _filled(module)


def _filled(module: Module) -> Iterator[Finding]:
    """Containers at the top that a function changes, and objects there whose attributes it sets."""
    made = [node for node in module.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    tops = {name for node in made for name in _targets(node)}
    containers = {name for node in made if _is_container(node.value) for name in _targets(node)}
    filled = any(re.search(rf"\b{name}(?:\[|\.(?:{'|'.join(FILLING)})\()", module.text) for name in containers)
    if not filled and not any(one in tops for one in SET.findall(module.text)):
        return
    for node, function in module.expressions:
        if function is None:
            continue
        owner, is_set = _changed(node)
        if owner in (tops if is_set else containers) and owner not in _local(function):
            line = getattr(node, "lineno", function.lineno)
            yield Finding(module.path, line, f"{owner} is {'set' if is_set else 'filled'} by {function.name}()", owner)


def _changed(node: ast.AST) -> tuple[str, bool]:
    """The name of what this changes in place, and whether it sets an attribute of it."""
    owner: ast.expr | None = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FILLING:
        owner = node.func.value
    elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        owner = node.value
    return (owner.id if isinstance(owner, ast.Name) else ""), isinstance(node, ast.Attribute)


def _local(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names that are the function's own."""
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {one.arg for one in _parameters(function)}


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    found = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [*found, *(one for one in (node.args.vararg, node.args.kwarg) if one is not None)]


def _is_container(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Call):
        return _last(node) in CONTAINERS or _last(node) in WEAK
    return isinstance(node, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)


def _targets(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    for one in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, ast.Attribute):
            yield one.attr


def _last(node: ast.expr) -> str:
    """`cache` of `functools.cache(...)`."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


SINGLETONS = Rule(
    "singleton",
    "packages: no _instance, no get_instance(), no cached function without parameters",
    "make it where the program starts and hand it to who needs it",
    _singletons,
)
MODULE_STATE = Rule(
    "module-state",
    "packages: nothing at the top of a module is set or filled by a function later (global, append, [...] =, .name =)",
    "make it an attribute of an object that somebody owns",
    _module_state,
)

__all__ = ["MODULE_STATE", "SINGLETONS"]
