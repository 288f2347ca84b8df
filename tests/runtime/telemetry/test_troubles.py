"""A line a minute, whatever goes wrong how often; and one when it goes well again."""

from collections.abc import Callable

import pytest
from structlog.typing import EventDict

from runtime.telemetry.otlp.troubles import Troubles


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def troubles(clock: list[float]) -> Troubles:
    return Troubles(lambda: clock[0])


def told(logged: list[EventDict]) -> list[tuple[str, object, object]]:
    return [(line["event"].partition(".")[2], line.get("why"), line.get("failures")) for line in logged]


def every_second(clock: list[float], seconds: int, happens: Callable[[], None]) -> None:
    for _ in range(seconds):
        happens()
        clock[0] += 1.0


def test_the_first_failure_is_told_at_once_and_all_others_once_a_minute(
    troubles: Troubles, clock: list[float], logged: list[EventDict]
) -> None:
    def fail() -> None:
        troubles.lost(2)
        troubles.failed("traces", "503")
        troubles.failed("metrics", "401", "AXIOM_API_TOKEN")

    every_second(clock, 181, fail)
    assert told(logged) == [
        ("export_failed", "traces: 503", 1),
        ("export_failed", "metrics: 401, traces: 503", 120),
        ("export_failed", "metrics: 401, traces: 503", 120),
        ("export_failed", "metrics: 401, traces: 503", 120),
    ]
    assert [line["spans_lost"] for line in logged] == [2, 120, 120, 120]
    assert [line["check"] for line in logged] == [None, *["AXIOM_API_TOKEN"] * 3]


def test_each_signal_that_was_told_of_is_told_of_when_it_works_again(
    troubles: Troubles, logged: list[EventDict]
) -> None:
    troubles.failed("traces", "cut")
    troubles.failed("metrics", "cut")
    for _ in range(3):
        troubles.worked("metrics")
        troubles.worked("traces")
    assert told(logged) == [("export_failed", "traces: cut", 1), ("export_works", None, None)]
    assert logged[-1]["signal"] == "traces"


def test_one_that_comes_and_goes_makes_no_more_lines(
    troubles: Troubles, clock: list[float], logged: list[EventDict]
) -> None:
    def flap() -> None:
        troubles.failed("traces", "cut")
        troubles.worked("traces")

    every_second(clock, 120, flap)
    assert [event for event, _, _ in told(logged)] == ["export_failed", "export_works"] * 2


def test_what_was_lost_before_it_worked_again_is_told_once(troubles: Troubles, logged: list[EventDict]) -> None:
    troubles.failed("traces", "refused")
    troubles.lost(40)
    troubles.failed("traces", "refused")
    troubles.worked("traces")
    troubles.failed("traces", "refused")
    assert [line["spans_lost"] for line in logged] == [0, 40]
