"""The finder of cycles beside one that tries every way."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tooling.house.cycles import components, shortest

NAMES = "abcdefgh"
graphs = st.fixed_dictionaries({name: st.dictionaries(st.sampled_from(NAMES), st.just(1)) for name in NAMES})


def _reached(graph: dict[str, dict[str, int]], start: str) -> dict[str, int]:
    """The length of a shortest way, of at least one step, to everything that can be reached."""
    steps: dict[str, int] = {}
    front, length = set(graph[start]), 1
    while front:
        steps.update(dict.fromkeys(front, length))
        front = {target for node in front for target in graph[node]} - set(steps)
        length += 1
    return steps


@given(graphs)
def test_components_are_what_reaches_each_other(graph: dict[str, dict[str, int]]) -> None:
    reached = {name: _reached(graph, name) for name in graph}
    wanted = {
        tuple(other for other in NAMES if other == name or (other in reached[name] and name in reached[other]))
        for name in NAMES
    }
    assert components(graph) == sorted(list(one) for one in wanted if len(one) > 1)


@given(graphs)
def test_the_cycle_told_is_a_shortest_one(graph: dict[str, dict[str, int]]) -> None:
    alone = {name: {other: line for other, line in targets.items() if other != name} for name, targets in graph.items()}
    for members in components(alone):
        way = shortest(alone, members)
        assert way[0] == way[-1] == members[0]
        assert set(way) <= set(members)
        assert all(after in alone[before] for before, after in itertools.pairwise(way))
        assert len(way) - 1 == _reached(alone, members[0])[members[0]]


def test_a_chain_of_thousands_is_no_problem() -> None:
    graph = {str(number): {str((number + 1) % 5000): 1} for number in range(5000)}
    assert [len(one) for one in components(graph)] == [5000]
