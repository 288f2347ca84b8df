"""The catalogue has every row of the guide's tables, and its page in the docs is what it is made into."""

import re
from itertools import pairwise

import pytest

from runtime.telemetry.catalogue import CATALOGUE
from runtime.telemetry.instruments import Kind
from runtime.telemetry.prometheus import name_of
from tooling.metrics import PAGE, page

GUIDE = {
    Kind.HISTOGRAM: {
        "text_inference.ttft": "s",
        "text_inference.request_latency": "s",
        "text_inference.token_latency": "s",
        "text_inference.connection_duration": "s",
        "text_inference.connection_semaphore_wait": "s",
        "text_inference.prompt_tokens": "{token}",
        "text_inference.completion_tokens": "{token}",
        "text_inference.generations_per_session": "{request}",
        "text_inference.startup_duration": "s",
        "text_inference.tool_classification_latency": "s",
    },
    Kind.COUNTER: {
        "text_inference.requests_total": "{request}",
        "text_inference.tokens_generated_total": "{token}",
        "text_inference.prompt_tokens_total": "{token}",
        "text_inference.connections_rejected_total": "{connection}",
        "text_inference.session_churn_total": "{session}",
        "text_inference.cancellation_total": "{request}",
        "text_inference.errors_total": "{error}",
        "text_inference.timeout_disconnects_total": "{connection}",
        "text_inference.rate_limit_violations_total": "{violation}",
        "text_inference.tool_classifications_total": "{classification}",
        "text_inference.cache_resets_total": "{reset}",
    },
    Kind.GAUGE: {
        "text_inference.active_connections": "{connection}",
        "text_inference.active_generations": "{generation}",
        "text_inference.gpu.memory_used": "By",
        "text_inference.gpu.memory_free": "By",
        "text_inference.gpu.memory_total": "By",
        "text_inference.gpu.utilization": "%",
    },
}
"""The tables of the guide's "Metrics Reference", row by row."""
DIMENSIONS = {
    "text_inference.requests_total": "status",
    "text_inference.errors_total": "error.type",
    **dict.fromkeys(
        [name for name in GUIDE[Kind.GAUGE] if name.startswith("text_inference.gpu.")],
        "gpu.device.id",
    ),
}
BY_NAME = {each.name: each for each in CATALOGUE}


@pytest.mark.parametrize(
    ("kind", "name", "unit"), [(kind, name, unit) for kind, rows in GUIDE.items() for name, unit in rows.items()]
)
def test_every_row_of_the_guide_is_an_instrument(kind: Kind, name: str, unit: str) -> None:
    instrument = BY_NAME[name]
    assert (instrument.kind, instrument.unit) == (kind, unit)
    assert DIMENSIONS.get(name, "") in ("", *instrument.attributes)


def test_names_are_there_once_also_on_the_page_for_prometheus() -> None:
    assert len(BY_NAME) == len(CATALOGUE)
    shown = [name_of(each) for each in CATALOGUE]
    assert len(set(shown)) == len(shown)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in shown)


def test_histograms_have_buckets_that_rise_and_nothing_else_has_any() -> None:
    for each in CATALOGUE:
        assert (each.kind is Kind.HISTOGRAM) == bool(each.buckets), each.name
        assert list(each.buckets) == sorted(set(each.buckets)), each.name


def test_latencies_a_listener_notices_are_told_apart() -> None:
    """Below a millisecond, and dense from 20 to 400 ms: no bucket there is wider than half of its lower bound."""
    for name in ("text_inference.ttft", "text_inference.request_latency", "text_inference.token_latency"):
        bounds = BY_NAME[name].buckets
        assert min(bounds) < 0.001
        dense = [bound for bound in bounds if 0.02 <= bound <= 0.4]
        assert dense[0] == 0.02
        assert dense[-1] == 0.4
        assert all(after <= 1.5 * before + 1e-9 for before, after in pairwise(dense)), name


def test_on_the_page_only_what_grows_is_called_total() -> None:
    for each in CATALOGUE:
        assert name_of(each).endswith("_total") == (each.kind is Kind.COUNTER), each.name


def test_the_page_in_the_docs_is_the_catalogue() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
