"""The bootstrap: against resamples written out, against what is known of coverage, and where it has nothing to say."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tooling.clients.output import intervals
from tooling.clients.output.intervals import Interval, Samples, enough, middle, resampled
from tooling.clients.output.percentiles import percentile

QUANTILES = (0.5, 0.9, 0.99)
SHARE = settings.default.max_examples // 4 if settings.default else 25

pairs = st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 8)), min_size=1, max_size=60)


@settings(max_examples=SHARE)
@given(pairs, st.integers(0, 99))
def test_a_resample_is_its_clusters_written_out(told: list[tuple[float, int]], seed: int) -> None:
    samples = Samples.of(told)
    found = resampled(samples, QUANTILES, seed)
    if samples.count < intervals.FEWEST_CLUSTERS:
        assert found is None
        return
    assert found is not None
    chances = np.full(samples.count, 1 / samples.count)
    drawn = np.random.default_rng(seed).multinomial(samples.count, chances, size=len(found))
    for row, times in itertools.islice(zip(found, drawn, strict=True), 20):
        written = np.repeat(samples.values, times[samples.clusters])
        assert row == pytest.approx([percentile(written.tolist(), q) for q in QUANTILES])


def test_the_same_seed_says_the_same_and_another_one_nearly() -> None:
    samples = Samples.of((float(value), value) for value in range(100))
    once, again, other = (intervals.intervals(samples, QUANTILES, seed) for seed in (1, 1, 2))
    assert once == again
    assert once is not None
    assert other is not None
    assert once != other
    assert [one.low for one in once] == pytest.approx([one.low for one in other], abs=3)


def test_samples_that_are_all_alike_leave_no_doubt() -> None:
    samples = Samples.of((7.0, number) for number in range(10))
    assert intervals.intervals(samples, (0.5,), 1) == [Interval(7.0, 7.0)]


def test_few_connections_have_no_interval_however_many_samples_they_have() -> None:
    samples = Samples.of((float(value), value % 4) for value in range(400))
    assert intervals.intervals(samples, QUANTILES, 1) is None


def coverage(clusters: int, each: int, spread: float) -> float:
    """How often the interval of the median has the true one in it: values around 0, a connection's moved together."""
    dice = np.random.default_rng(11)
    hits = 0
    for trial in range(200):
        centres = dice.normal(0, spread, clusters)
        told = [(float(value), name) for name in range(clusters) for value in dice.normal(centres[name], 1, each)]
        found = intervals.intervals(Samples.of(told), (0.5,), trial)
        assert found is not None
        hits += 0.0 in found[0]
    return hits / 200


def test_the_interval_holds_the_truth_nearly_as_often_as_it_says() -> None:
    assert coverage(40, 1, 0.0) >= 0.9


def test_it_does_so_also_when_the_turns_of_a_connection_resemble_each_other() -> None:
    assert coverage(30, 5, 3.0) >= 0.9  # 0.67 if single turns were drawn


def test_the_middle_of_values_leaves_out_as_much_on_either_side() -> None:
    assert middle(np.arange(1001, dtype=np.float64)).rounded() == [25.0, 975.0]


@pytest.mark.parametrize(
    ("samples", "quantile", "fine"),
    [(100, 0.99, True), (99, 0.99, False), (20, 0.95, True), (19, 0.95, False), (10, 0.9, True), (2, 0.5, True)],
)
def test_a_percentile_wants_a_sample_beyond_it(samples: int, quantile: float, fine: bool) -> None:
    assert enough(samples, quantile) is fine


def test_a_long_run_takes_fewer_resamples_and_not_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "WORK", 30_000)
    samples = Samples.of((float(value), value) for value in range(100))
    found = resampled(samples, (0.5,), 1)
    assert found is not None
    assert len(found) == 300
