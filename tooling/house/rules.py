"""All the rules, and one run of them."""

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve

from tooling.house import exceptions
from tooling.house.asynchronous import ASYNCIO
from tooling.house.classes import CLASSES
from tooling.house.cycles import CYCLES
from tooling.house.environment import ENVIRONMENT
from tooling.house.exports import ALL, DOCSTRINGS
from tooling.house.finding import Finding, Rule
from tooling.house.ignores import IGNORES
from tooling.house.inline import INLINE_PYTHON
from tooling.house.laziness import LATE_ATTRIBUTES, LATE_IMPORTS
from tooling.house.leftovers import LEFTOVERS
from tooling.house.names import NAMES, PREFIXES, SINGLE
from tooling.house.singletons import MODULE_STATE, SINGLETONS
from tooling.house.sizes import FILES, FUNCTIONS
from tooling.house.tree import Tree, read


def _unreadable(tree: Tree) -> Iterator[Finding]:
    """After everything was read: what could not be, so that no rule looked at it."""
    for path, why in dict.fromkeys(tree.unreadable):
        yield Finding(path, 1, why)


READABLE = Rule("readable", "every file that a rule reads: UTF-8, and Python where it says so", "mend it", _unreadable)
RULES = (
    CYCLES,
    FILES,
    FUNCTIONS,
    CLASSES,
    SINGLETONS,
    MODULE_STATE,
    LATE_IMPORTS,
    LATE_ATTRIBUTES,
    LEFTOVERS,
    ALL,
    DOCSTRINGS,
    SINGLE,
    PREFIXES,
    NAMES,
    ASYNCIO,
    ENVIRONMENT,
    INLINE_PYTHON,
    IGNORES,
    READABLE,
)


def findings(root: Path) -> list[Finding]:
    """What breaks a rule below `root`, exceptions taken off, sorted. Raises `Refusal` where there is no project."""
    tree = read(root)
    allowed = exceptions.read(tree, {rule.name for rule in RULES})
    with _uncollected():
        found = [
            named
            for rule in RULES
            for one in rule.check(tree)
            if not allowed.pass_over(named := evolve(one, rule=rule.name, remedy=rule.remedy))
        ]
    return sorted([*found, *allowed.problems, *allowed.unused()])


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector: it would look at a million nodes of syntax again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


__all__ = ["RULES", "findings"]
