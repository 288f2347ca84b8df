"""How modules are called, and how many of them make a package."""

import sys
from collections import defaultdict
from collections.abc import Iterator

from tooling.house.finding import Finding, Rule
from tooling.house.tree import TESTS, Tree

VAGUE = frozenset({"utils", "util", "helpers", "helper", "manager", "misc", "common"})


def _folders(tree: Tree) -> dict[str, dict[str, str]]:
    """For each folder with modules, those and its packages by name, with a path each; `__init__` is none of them."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for module in tree.modules:
        folder, _, name = module.path.rpartition("/")
        found[folder].setdefault(name.removesuffix(".py"), module.path)
        if module.is_package and "/" in folder:
            outer, _, inner = folder.rpartition("/")
            found[outer].setdefault(inner, module.path)
    for names in found.values():
        names.pop("__init__", None)
    return found


def _is_test(folder: str) -> bool:
    return folder.partition("/")[0] == TESTS


def _single(tree: Tree) -> Iterator[Finding]:
    for folder, names in _folders(tree).items():
        if len(names) <= 1 and not _is_test(folder):
            (path,) = names.values() or (f"{folder}/__init__.py",)
            held = f"holds {next(iter(names))} alone" if names else "holds nothing"
            yield Finding(path, 1, f"the package {folder} {held}", folder)


def _prefixes(tree: Tree) -> Iterator[Finding]:
    for names in _folders(tree).values():
        groups: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names):
            prefix = name.partition("_")[0]
            if prefix and not (prefix == "test" and names[name].startswith(f"{TESTS}/")):  # pytest finds them by it
                groups[prefix].append(name)
        for prefix, members in groups.items():
            for name in members[1:]:
                yield Finding(names[name], 1, f"{name} shares {prefix!r} with {members[0]}", name)


def _names(tree: Tree) -> Iterator[Finding]:
    for folder, names in _folders(tree).items():
        for name, path in names.items():
            if _is_test(folder) or name.startswith("__"):
                continue
            if name in VAGUE:
                yield Finding(path, 1, f"{name!r} names nothing", name)
            elif name in sys.stdlib_module_names:
                yield Finding(path, 1, f"{name!r} is a module of the standard library", name)


SINGLE = Rule(
    "single-module",
    "packages: no package that holds one module or package",
    "put the module in the folder above",
    _single,
)
PREFIXES = Rule(
    "shared-prefix",
    "packages, tests: no two modules of a folder with the same word before `_`; pytest's test_ does not count",
    "make a package of that name, or call them by what tells them apart",
    _prefixes,
)
NAMES = Rule(
    "module-name",
    f"packages: no module called {', '.join(sorted(VAGUE))} or like one of the standard library",
    "call it what it is about",
    _names,
)

__all__ = ["NAMES", "PREFIXES", "SINGLE"]
