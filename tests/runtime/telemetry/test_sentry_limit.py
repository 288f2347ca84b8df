"""Of one error class an event in ten seconds, and a count of those that were not sent."""

from runtime.telemetry.sentry.limit import MAX_CLASSES, Limiter
from tests.runtime.telemetry.outlets import Clock


def test_a_class_is_let_through_once_in_ten_seconds_with_the_number_of_those_between() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    assert limiter.admit("A") == 0
    clock.now += 9.9
    assert [limiter.admit("A"), limiter.admit("A")] == [None, None]
    assert limiter.admit("B") == 0, "another class"
    clock.now += 0.1
    assert limiter.admit("A") == 2
    clock.now += 10
    assert limiter.admit("A") == 0


def test_it_remembers_no_more_classes_than_it_may() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    for number in range(MAX_CLASSES + 100):
        limiter.admit(f"C{number}")
        limiter.admit("C0" if number < 50 else f"C{number}")
    assert len(limiter._last) == MAX_CLASSES
    assert limiter.admit(f"C{MAX_CLASSES + 99}") is None, "the newest is among them"
