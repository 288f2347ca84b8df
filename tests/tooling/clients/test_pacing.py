"""Turns are held back so that no window of time holds more than the server allows; on a virtual clock."""

import itertools

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from tooling.clients.session.pacing import Pacing


async def sent(limit: int, window_s: float, gaps: list[float], notes: list[str]) -> list[float]:
    """When turns go out that somebody would send with these gaps."""
    pacing, times = Pacing(limit, window_s, notes.append), []
    for gap in gaps:
        await trio.sleep(gap)
        await pacing.turn()
        times.append(trio.current_time())
    return times


@given(st.integers(1, 5), st.floats(0.1, 100.0), st.lists(st.floats(0.0, 50.0), max_size=20))
def test_no_window_holds_more_turns_than_the_limit(limit: int, window_s: float, gaps: list[float]) -> None:
    clock = trio.testing.MockClock(autojump_threshold=0)
    times = trio.run(sent, limit, window_s, gaps, [], clock=clock)
    assert all(late - early > window_s for early, late in zip(times, times[limit:], strict=False))


async def test_a_turn_goes_out_at_once_while_there_is_room(autojump_clock: trio.testing.MockClock) -> None:
    notes: list[str] = []
    began = trio.current_time()
    times = await sent(3, 60.0, [0.0] * 3, notes)
    assert [at - began for at in times] == [0.0] * 3
    assert not notes


async def test_a_pause_is_told_and_no_longer_than_needed(autojump_clock: trio.testing.MockClock) -> None:
    notes: list[str] = []
    times = await sent(2, 10.0, [0.0, 4.0, 0.0], notes)
    assert times[2] - times[0] == pytest.approx(10.5)
    assert notes == ["pausing 6 s: at most 2 turns in 10 s"]


@pytest.mark.parametrize(("limit", "window_s"), [(0, 60.0), (3, 0.0)])
async def test_nought_is_no_limit(limit: int, window_s: float, autojump_clock: trio.testing.MockClock) -> None:
    times = await sent(limit, window_s, [0.0] * 50, [])
    assert all(early == late for early, late in itertools.pairwise(times))
