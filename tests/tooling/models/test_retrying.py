"""When the worker tries again, and how long it waits before it does."""

from email.utils import formatdate
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.models.worker.retrying import ATTEMPTS, LONGEST_PAUSE_S, persistently, reason, wait_before


class Answered(Exception):
    """An error of the Hub's library, as far as it is looked at."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(f"status {status}")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.response = SimpleNamespace(status_code=status, headers=named)


class TransportError(Exception):
    """As httpx calls a connection that ended."""


class OfflineModeIsEnabled(ConnectionError):
    """As the library says that it was told not to try."""


def pauses(*errors: Exception) -> tuple[list[float], list[str], str]:
    """What was waited for and said while these happen one after the other, and how it ended."""
    waited: list[float] = []
    said: list[str] = []
    waiting = list(errors)

    def call() -> str:
        if waiting:
            raise waiting.pop(0)
        return "done"

    try:
        ended = persistently("it", call, said.append, pause=waited.append, chance=lambda: 0.5)
    except Exception as error:
        ended = repr(error)
    return waited, said, ended


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 416])
def test_what_would_be_refused_again_is_not_tried_again(status: int) -> None:
    assert pauses(Answered(status)) == ([], [], f"Answered('status {status}')")


@pytest.mark.parametrize(
    "error", [Answered(500), Answered(503), Answered(429), TransportError("cut"), ConnectionResetError(104, "reset")]
)
def test_what_may_pass_is_tried_five_times_with_longer_and_longer_pauses(error: Exception) -> None:
    waited, said, ended = pauses(*[error] * (ATTEMPTS - 1))
    assert ended == "done" and waited == [1, 2, 4, 8]
    assert len(said) == 4 and said[0].endswith("attempt 2 of 5 in 1 s")
    waited, _, ended = pauses(*[error] * ATTEMPTS)
    assert len(waited) == ATTEMPTS - 1 and ended == repr(error)


@pytest.mark.parametrize(
    "error", [ValueError("no"), OSError(28, "No space left"), OfflineModeIsEnabled(), Answered(200)]
)
def test_what_is_no_trouble_of_the_network_is_raised_at_once(error: Exception) -> None:
    assert pauses(error)[0] == []


def test_the_hubs_own_wish_counts_unless_it_is_a_long_one() -> None:
    assert pauses(Answered(429, Retry_After="7"))[0] == [7.5]
    assert pauses(Answered(503, Retry_After="0"))[0] == [0.5]
    assert pauses(Answered(429, Retry_After="3600"))[0] == []
    (wait,) = pauses(Answered(429, Retry_After=formatdate(usegmt=True)))[0]
    assert 0 <= wait <= 1
    assert pauses(Answered(429, Retry_After="soon"))[0] == [1]


def test_the_status_of_what_an_error_came_from_counts() -> None:
    outer = RuntimeError("while uploading")
    outer.__cause__ = Answered(403)
    assert pauses(outer)[0] == [] and reason(outer) == "the Hub answered 403"
    storage = ConnectionError("Server error: Request error: HTTP status server error (500 Internal Server Error)")
    assert pauses(storage)[0] == [], "it has tried again itself"
    assert reason(storage) == "the Hub answered 500"
    circle = ConnectionError("x")
    circle.__cause__ = circle
    assert reason(circle) == "x"


@given(st.integers(1, 4), st.floats(0, 1), st.text(max_size=12))
def test_no_pause_is_negative_or_endless(attempt: int, chance: float, wish: str) -> None:
    for error in (TransportError(), Answered(429, Retry_After=wish)):
        wait = wait_before(attempt, error, lambda: chance)
        assert wait is None or 0 <= wait <= max(301, LONGEST_PAUSE_S * 1.5)
