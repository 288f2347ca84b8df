"""The search for the largest load within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from tooling.benchmarks.serving.capacity import search


@given(st.integers(0, 300))
def test_it_finds_the_largest_number_that_holds_to_within_a_step(capacity: int) -> None:
    found = search(lambda sessions: sessions <= capacity, smallest=16, largest=128, step=8)
    assert found <= capacity
    assert found == 128 or capacity - found < 8


def test_few_loads_are_tried() -> None:
    tried: list[int] = []

    def measure(sessions: int) -> bool:
        tried.append(sessions)
        return sessions <= 50

    assert search(measure, smallest=16, largest=128, step=8) == 48
    assert tried == [16, 32, 64, 48, 56]
