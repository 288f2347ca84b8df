"""Modules that need each other before either is whole."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from tooling.house.finding import Finding, Rule
from tooling.house.imports import Imports
from tooling.house.tree import Tree

Graph = Mapping[str, Mapping[str, int]]


def components(graph: Graph) -> list[list[str]]:
    """The strongly connected components of more than one node, each sorted (Tarjan, without recursion)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    found: list[list[str]] = []
    for start in graph:
        work = [(start, iter(graph[start]))] if start not in order else []
        while work:
            node, targets = work[-1]
            if node not in order:
                order[node] = low[node] = len(order)
                path.append(node)
                on_path.add(node)
            target = next((one for one in targets if one not in order or one in on_path), None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    found.append(_cut(path, on_path, node))
            elif target in order:
                low[node] = min(low[node], order[target])
            else:
                work.append((target, iter(graph[target])))
    return sorted(sorted(one) for one in found if len(one) > 1)


def _cut(path: list[str], on_path: set[str], node: str) -> list[str]:
    place = path.index(node)
    whole = path[place:]
    del path[place:]
    on_path.difference_update(whole)
    return whole


def shortest(graph: Graph, members: Sequence[str]) -> list[str]:
    """A shortest way from the first member back to itself, both ends named."""
    first, inside = members[0], set(members)
    before: dict[str, str] = {}
    waiting = deque([first])
    while waiting:
        node = waiting.popleft()
        for target in sorted(inside.intersection(graph[node])):
            if target == first:
                back = [node]
                while back[-1] != first:
                    back.append(before[back[-1]])
                return [*reversed(back), first]
            if target not in before:
                before[target] = node
                waiting.append(target)
    raise ValueError(f"{first} is in no cycle of {members}")


def _check(tree: Tree) -> Iterator[Finding]:
    imports = Imports(tree)
    graph = imports.graph
    for members in components(graph):
        way = shortest(graph, members)
        more = f" ({len(members)} modules hang together)" if len(members) > len(way) - 1 else ""
        yield Finding(
            imports.names[way[0]].path, graph[way[0]][way[1]], f"import cycle: {' -> '.join(way)}{more}", way[0]
        )


CYCLES = Rule(
    "import-cycle",
    "all modules, tests too, inside packages as well, imports in functions and for types included",
    "move what both need into a third module, or hand it in as an argument",
    _check,
)

__all__ = ["CYCLES", "components", "shortest"]
