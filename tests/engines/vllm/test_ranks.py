"""Sessions and data parallel ranks."""

from hypothesis import given
from hypothesis import strategies as st

from engines.vllm.ranks import Ranks


def test_a_new_session_goes_to_the_least_loaded_rank() -> None:
    ranks = Ranks(3)
    assert [ranks.take(session) for session in range(4)] == [0, 1, 2, 0]


def test_a_session_comes_back_to_its_rank_however_busy_it_is() -> None:
    ranks = Ranks(2)
    home = ranks.take(7)
    for session in range(20, 30):
        ranks.take(session)
    assert ranks.take(7) == home


def test_only_so_many_sessions_are_remembered() -> None:
    ranks = Ranks(2, remembered=2)
    assert ranks.take(1) == 0
    ranks.take(2)
    ranks.take(3)
    ranks.take(4)
    ranks.give_back(1)
    ranks.give_back(1)
    assert ranks.take(1) == 1


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=60))
def test_the_load_is_the_number_of_requests_taken_and_not_given_back(count: int, steps: list[tuple[int, bool]]) -> None:
    ranks = Ranks(count, remembered=4)
    taken: list[int] = []
    for session, returns in steps:
        if returns and taken:
            ranks.give_back(taken.pop())
        else:
            taken.append(ranks.take(session))
        assert sum(ranks.load) == len(taken)
        assert ranks.load == tuple(taken.count(rank) for rank in range(count))
