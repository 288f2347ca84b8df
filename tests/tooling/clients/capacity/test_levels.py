"""What a load amounts to, and which one is tried next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.clients.capacity.caller import Turn
from tooling.clients.capacity.level import NEVER, Bounds, level
from tooling.clients.capacity.rounds import Server
from tooling.clients.capacity.search import Search


def turn(at: float = 5.0, ttft_ms: float | None = 100.0, sentence_ms: float | None = 200.0, **more: object) -> Turn:
    facts = {"ran_dry": False, "interrupted": False, "error": "", **more}
    return Turn(at, ttft_ms, sentence_ms, **facts)  # type: ignore[arg-type]


def test_only_turns_of_the_window_count() -> None:
    found = level(3, (2.0, 8.0), [turn(1.9, ttft_ms=9000.0), turn(2.0), turn(7.9), turn(8.0, ttft_ms=9000.0)])
    assert found.turns == 2
    assert found.ttft_p99_ms == 100.0
    assert found.broken(Bounds()) == ()


def test_what_never_came_is_later_than_any_bound() -> None:
    found = level(1, (0, 9), [turn()] * 50 + [turn(ttft_ms=None, sentence_ms=None)])
    assert found.ttft_p99_ms == NEVER
    assert found.as_json()["ttft_p99_ms"] is None
    assert found.broken(Bounds()) == (
        "TTFT p99 never came (bound 300 ms)",
        "first sentence p99 never came (bound 600 ms)",
    )


@pytest.mark.parametrize("failures", [1, 2])
def test_one_turn_in_a_hundred_may_fail(failures: int) -> None:
    found = level(1, (0, 9), [turn()] * (200 - failures) + [turn(error="boom")] * failures)
    assert found.failed == failures
    assert found.errors == ("boom",)
    assert (found.broken(Bounds()) == ()) is (failures == 1)


@pytest.mark.parametrize(("dry", "fits"), [(1, True), (2, False)])
def test_one_turn_in_a_hundred_may_run_dry(dry: int, fits: bool) -> None:
    found = level(1, (0, 9), [turn()] * (100 - dry) + [turn(ran_dry=True)] * dry)
    assert (found.broken(Bounds()) == ()) is fits


def test_a_load_without_turns_fits_nobody() -> None:
    assert level(1, (0, 9), []).broken(Bounds()) == ("no turn was sent",)


@given(st.integers(1, 4000), st.integers(1, 64), st.integers(64, 4096))
def test_the_search_finds_the_largest_that_fits_within_its_resolution(true: int, smallest: int, limit: int) -> None:
    search, tried = Search(smallest, limit), []
    while (callers := search.following()) is not None:
        tried.append(callers)
        search.tried(callers, fits=callers <= true)
    assert len(tried) == len(set(tried)) <= 30
    assert all(1 <= callers <= limit for callers in tried)
    assert search.best <= min(true, limit)
    assert min(true, limit) - search.best <= max(1, round(0.05 * min(true, limit)))


@pytest.mark.parametrize(
    ("true", "limit", "bottleneck", "sentence"),
    [
        (5, 64, None, "5 callers fit"),
        (1, 64, None, "1 caller fits"),
        (0, 64, None, "not even 1 caller fits"),
        (99, 8, None, "at least 8 callers fit (the most that were tried; --most tries more)"),
        (5, 64, "the client was busy", "at least 5 callers fit; with 6 the client was busy"),
    ],
)
def test_the_sentence_says_what_is_known(true: int, limit: int, bottleneck: str | None, sentence: str) -> None:
    server = Server(name="ours", url="ws://somewhere/ws", door={})
    server.search = search = Search(1, limit)
    while (callers := search.following()) is not None:
        fits = callers <= true
        server.levels.append(level(callers, (0, 9), [turn(ttft_ms=1 if fits else 999)], None if fits else bottleneck))
        search.tried(callers, fits=fits)
    assert server.sentence() == sentence
    assert (server.best is None) is (true == 0)
