"""Latencies, percentiles, progress: everything a client works out by itself."""

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.clients.output.percentiles import percentile, summarise
from tooling.clients.output.progress import Bar
from tooling.clients.session.latency import Metrics, TurnMeter


def measured(*tokens: str, tool_at: float | None = None) -> Metrics:
    """Tokens one second apart, the first after one second; the end one second after the last."""
    stamped = [(text, 11.0 + index) for index, text in enumerate(tokens)]
    return TurnMeter(10.0, tool_at=tool_at, ended_at=11.0 + len(tokens), tokens=stamped).measured()


@pytest.mark.parametrize(
    ("tokens", "three_words", "sentence"),
    [
        (("Hi.",), None, 1000),
        (("Hi", " you", " there"), 3000, None),
        (("One two", " three."), 2000, 2000),
        (("It is 3.5 ", "now", "!"), 1000, 3000),
        (("He said “no.", "” ", "Then left."), 1000, 1000),
        (("Wait..", ".", " what"), None, 2000),
        ((), None, None),
        (("a b ", "  ", "c"), 3000, None),
    ],
)
def test_words_and_sentences_count_from_the_token_that_completes_them(
    tokens: tuple[str, ...], three_words: float | None, sentence: float | None
) -> None:
    found = measured(*tokens)
    assert (found.three_words_ms, found.sentence_ms) == (three_words, sentence)


def test_every_latency_counts_from_the_send() -> None:
    found = measured("a", "b", "c", tool_at=10.5)
    assert [found.ttfb_ms, found.tool_ms, found.total_ms] == [1000, 500, 4000]
    assert list(found.itl_ms) == [1000, 1000]
    assert (found.chunks, found.chars) == (3, 3)


def test_the_metrics_line_leaves_out_what_never_came() -> None:
    assert measured("Hello").line() == "ttfb=1000ms · total=2000ms · 1chunks/5chars"


@pytest.mark.parametrize(
    ("samples", "q", "expected"), [([1.0], 0.9, 1), ([1, 2], 0.5, 1.5), ([0, 10, 20, 30], 0.95, 28.5), ([5, 6], 1.0, 6)]
)
def test_percentiles_interpolate_linearly(samples: list[float], q: float, expected: float) -> None:
    assert percentile(samples, q) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_a_summary_lies_between_its_samples_and_rises(samples: list[float]) -> None:
    summary = summarise(samples)
    assert summary is not None
    low, high = min(samples), max(samples)
    figures = [low, summary.p50, summary.p90, summary.p95, summary.p99, high]
    assert all(before <= after + 1e-6 for before, after in itertools.pairwise(figures))
    assert summary.n == len(samples)


def test_without_samples_there_is_no_row() -> None:
    assert summarise([None, None]) is None


def test_the_bar_shows_share_counts_median_and_times() -> None:
    bar = Bar(io.StringIO(), 4, now=0.0)
    bar.finished(10.0, ok=True, ttfb_ms=140.0)
    bar.finished(20.0, ok=False, ttfb_ms=None)
    assert bar.line(20.0) == "[##########----------] 2/4  ok 1  failed 1  p50 140ms  0:20<0:20"


def test_off_a_terminal_the_bar_is_a_line_every_tenth_or_ten_seconds() -> None:
    stream = io.StringIO()
    bar = Bar(stream, 100, now=0.0)
    for turn in range(25):
        bar.finished(0.01 * turn, ok=True, ttfb_ms=None)
    assert len(stream.getvalue().splitlines()) == 2
    bar.show(9.0)
    bar.show(11.0)
    assert len(stream.getvalue().splitlines()) == 3
