"""Words of code that stayed for the sake of what is gone."""

import re
from collections.abc import Iterator

from tooling.house.finding import Finding, Rule
from tooling.house.tree import Tree

# Commands may meet the old files of others; what serves has one way of doing things.
OUTSIDE = "tooling"
WORDS = re.compile(r"legacy|deprecat\w+|backwards?[- _]?compat\w*|work[- ]?arounds?", re.IGNORECASE)


def _check(tree: Tree) -> Iterator[Finding]:
    for module in tree.ours:
        if module.path.startswith(f"{OUTSIDE}/") or WORDS.search(module.text) is None:
            continue
        for number, line in enumerate(module.text.splitlines(), 1):
            for found in WORDS.finditer(line):
                yield Finding(module.path, number, f'says "{found[0]}"', found[0].lower())


LEFTOVERS = Rule(
    "leftover",
    "runtime, actors, engines, protocol: no legacy, deprecated, backward compatibility, workaround",
    "remove the old way, or say what it is for without the word",
    _check,
)

__all__ = ["LEFTOVERS"]
