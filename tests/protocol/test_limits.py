"""Rate limits on a clock of the test's own."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import PeerProtocolError
from protocol.limits import ByteBudget, Window


def refused(window: Window, now: float) -> PeerProtocolError:
    with pytest.raises(PeerProtocolError) as caught:
        window.take(now)
    return caught.value


def test_the_window_is_full_after_its_limit_and_slides() -> None:
    window = Window("message", 2, 60)
    window.take(0)
    window.take(30)
    assert refused(window, 59.9).details["retry_in"] == 1
    window.take(60)
    assert refused(window, 89).details["retry_in"] == 1
    window.take(90)


def test_a_refusal_says_how_long_to_wait_rounded_up_and_never_zero() -> None:
    window = Window("message", 1, 60)
    window.take(0)
    assert refused(window, 0).details["retry_in"] == 60
    assert refused(window, 0.5).details["retry_in"] == 60
    assert refused(window, 59.999999).details["retry_in"] == 1


def test_a_refused_frame_is_not_recorded() -> None:
    window = Window("cancel", 1, 10)
    window.take(0)
    for now in range(1, 10):
        refused(window, now)
    window.take(10)


def test_messages_and_cancels_are_refused_in_their_own_words() -> None:
    windows = [Window("message", 1, 60), Window("cancel", 1, 60)]
    for window in windows:
        window.take(0)
    message, cancel = (refused(window, 1) for window in windows)
    assert (message.code, message.reason_code) == ("rate_limited", "message_rate_limited")
    assert (cancel.code, cancel.reason_code) == ("rate_limited", "cancel_rate_limited")
    assert set(message.details) == {"reason_code", "retry_in", "limit", "window_seconds", "kind", "friendly_message"}
    assert set(cancel.details) == {"reason_code", "retry_in", "limit", "window_seconds", "kind"}


@pytest.mark.parametrize(("limit", "seconds"), [(0, 60), (25, 0)])
def test_zero_turns_a_bucket_off(limit: int, seconds: float) -> None:
    window = Window("message", limit, seconds)
    for _ in range(1000):
        window.take(0)


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 5), st.integers(1, 60))
def test_no_window_of_time_ever_holds_more_than_the_limit(gaps: Sequence[int], limit: int, seconds: int) -> None:
    window, now = Window("message", limit, seconds), 0
    taken: list[int] = []
    for gap in gaps:
        now += gap
        recent = [at for at in taken if at > now - seconds]
        if len(recent) < limit:
            window.take(now)
            taken.append(now)
        else:
            assert refused(window, now).details["retry_in"] == max(1, recent[0] + seconds - now)


def test_a_budget_of_bytes_is_spent_by_any_frames_and_comes_back_with_time() -> None:
    budget = ByteBudget(100, 60)
    for now in range(10):
        budget.take(10, now)
    with pytest.raises(PeerProtocolError) as caught:
        budget.take(1, 10)
    assert (caught.value.code, caught.value.reason_code, caught.value.close_code) == (
        "rate_limited",
        "message_rate_limited",
        1008,
    )
    assert caught.value.details["retry_in"] == 50
    assert {"limit", "window_seconds", "kind", "friendly_message"} <= caught.value.details.keys()
    budget.take(10, 60)


def test_a_budget_of_nothing_is_no_limit() -> None:
    budget = ByteBudget()
    for _ in range(100):
        budget.take(1 << 30, 0)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 60)), max_size=60))
def test_a_budget_never_lets_more_through_in_a_window_than_its_limit(frames: list[tuple[float, int]]) -> None:
    budget, now = ByteBudget(100, 10), 0.0
    passed: list[tuple[float, int]] = []
    for pause, size in frames:
        now += pause
        try:
            budget.take(size, now)
        except PeerProtocolError:
            assert sum(taken for at, taken in passed if at > now - 10 - 10 / 60) + size > 100
        else:
            passed.append((now, size))
        assert sum(taken for at, taken in passed if at > now - 10 + 10 / 60) <= 100
        assert len(budget._slices) <= 61
