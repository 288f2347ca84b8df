"""A leak is found and no leak is not, whatever the noise remembers."""

import numpy as np
import pytest

from tests.tooling.benchmarks.endurance.series import EVERY_S, HOUR_S, noise
from tooling.benchmarks.endurance.trend import FEWEST_BLOCKS, trend

RUNS = 200
SAMPLES = 1200
TIMES = np.arange(SAMPLES) * EVERY_S / HOUR_S


def test_a_line_is_its_own_slope() -> None:
    found = trend(list(range(20)), [2.5 * at + 7 for at in range(20)])
    assert found is not None
    assert found.slope == pytest.approx(2.5)
    assert found.interval.high - found.interval.low == pytest.approx(0.0, abs=1e-9)
    assert found.mean == pytest.approx(2.5 * 9.5 + 7)


def test_what_never_changes_has_no_slope() -> None:
    found = trend(TIMES, [24.0] * SAMPLES)
    assert found is not None
    assert (found.slope, found.interval.low, found.interval.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("count", [0, 1, FEWEST_BLOCKS - 1])
def test_too_little_has_none(count: int) -> None:
    assert trend(list(range(count)), [1.0] * count) is None


def test_samples_that_all_lie_in_a_few_blocks_have_none() -> None:
    times = [*np.linspace(0, 1, 500), *np.linspace(99, 100, 500)]
    assert trend(times, [1.0] * 1000) is None


@pytest.mark.parametrize("memory_s", [0.0, 30.0, 120.0, 300.0])
def test_noise_is_called_a_leak_about_as_seldom_as_promised(memory_s: float) -> None:
    found = [trend(TIMES, values) for values in noise(SAMPLES, memory_s, 1, RUNS)]
    above = sum(one is not None and one.interval.low > 0 for one in found)
    assert above <= 0.07 * RUNS, "2.5 % are promised"


@pytest.mark.parametrize("memory_s", [0.0, 30.0, 120.0])
@pytest.mark.parametrize("leak", [3.0, 6.0])
def test_a_leak_of_a_known_slope_is_found_and_lies_in_its_interval(memory_s: float, leak: float) -> None:
    found = [trend(TIMES, values) for values in leak * TIMES + noise(SAMPLES, memory_s, 1, RUNS)]
    whole = [one for one in found if one is not None]
    assert len(whole) == RUNS
    assert sum(one.interval.low > 0 for one in whole) >= 0.95 * RUNS
    assert sum(leak in one.interval for one in whole) >= 0.9 * RUNS


def test_independent_samples_would_be_a_lie() -> None:
    """The interval of the textbook, beside ours, on the same noise without a leak."""
    times = TIMES - TIMES.mean()
    naive = 0
    for seen in noise(SAMPLES, 120.0, 1, RUNS):
        slope = times @ seen / (times @ times)
        left = seen - seen.mean() - slope * times
        naive += slope - 1.96 * np.sqrt(left @ left / (SAMPLES - 2) / (times @ times)) > 0
    assert naive > 0.2 * RUNS
