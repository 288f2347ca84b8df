"""How a batch is parted into rectangles, against trying every way."""

import math
import time
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.classifier.rectangles import ONE, measured_overhead, rectangles

WIDTHS = st.lists(st.integers(1, 64).map(lambda eights: eights * 8), min_size=1, max_size=6)
OVERHEADS = st.one_of(st.just(ONE), st.floats(0, 1000))


def cost(groups: Sequence[Sequence[int]], widths: Sequence[int], overhead: float) -> float:
    return sum(overhead + len(group) * max(widths[place] for place in group) for group in groups)


def partitions(places: list[int]) -> Iterator[list[list[int]]]:
    if not places:
        yield []
        return
    first, rest = places[0], places[1:]
    for smaller in partitions(rest):
        yield [[first], *smaller]
        for number, group in enumerate(smaller):
            yield [*smaller[:number], [first, *group], *smaller[number + 1 :]]


@given(WIDTHS, OVERHEADS)
def test_every_text_is_in_one_rectangle(widths: list[int], overhead: float) -> None:
    places = sorted(place for group in rectangles(widths, overhead) for place in group)
    assert places == list(range(len(widths)))


@given(WIDTHS, st.floats(0, 1000))
def test_no_other_way_costs_less(widths: list[int], overhead: float) -> None:
    found = cost(rectangles(widths, overhead), widths, overhead)
    least = min(cost(groups, widths, overhead) for groups in partitions(list(range(len(widths)))))
    assert found == pytest.approx(least)


@given(WIDTHS)
def test_where_only_calls_cost_there_is_one(widths: list[int]) -> None:
    assert rectangles(widths, ONE) == [list(range(len(widths)))]


def test_a_long_text_does_not_stretch_the_short_ones() -> None:
    assert sorted(rectangles([16, 512, 16, 24], 50)) == [[0, 2, 3], [1]]


def test_many_widths_are_parted_quickly() -> None:
    widths = [8 * (1 + place % 192) for place in range(256)]
    begun = time.perf_counter()
    rectangles(widths, 100)
    assert time.perf_counter() - begun < 0.5


def test_the_overhead_is_what_is_left_of_a_call_without_its_tokens() -> None:
    """A call of 2 ms and 0.1 ms a token: 20 tokens' worth besides. The first one is disturbed."""
    now, disturbed = 0.0, 1.0

    def infer(tokens: int) -> None:
        nonlocal now, disturbed
        now += 0.002 + 0.0001 * tokens + disturbed
        disturbed = 0.0

    assert measured_overhead(infer, 160, clock=lambda: now) == pytest.approx(20)


def test_calls_that_cost_the_same_at_any_length_make_one_rectangle() -> None:
    calls: list[int] = []
    overhead = measured_overhead(calls.append, 1)
    assert overhead == math.inf
    assert set(calls) == {1}
