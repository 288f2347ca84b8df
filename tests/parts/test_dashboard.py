"""Every query of the Grafana dashboard is answered by a real Prometheus that has watched a server in use."""

import math
from collections.abc import Iterator

import pytest
import trio

from tests.dashboard import queries
from tests.e2e.program import Program, assert_nothing_left
from tests.parts.load import environment, everything
from tests.parts.pages import page
from tests.parts.prometheus import Prometheus, check_metrics

# No GPU, no tool model that breaks, and TensorRT-LLM does not say how many requests it has.
NOT_HERE = ("text_inference_gpu_", "text_inference_router_errors_total", "text_inference_engine_unfinished_requests")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A server that is about to be used."""
    running = Program(environment(tmp_path_factory.mktemp("model")))
    try:
        yield running.wait_ready()
    finally:
        running.bury()
        assert_nothing_left(running.pid)


@pytest.fixture(scope="module")
def watched(used: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """What Prometheus has of it, before, between and after two rounds of everything."""
    with Prometheus(tmp_path_factory.mktemp("prometheus"), [f"127.0.0.1:{used.port}"]) as prometheus:
        for _ in range(2):
            prometheus.wait_scraped(2)
            trio.run(everything, used)
        prometheus.wait_scraped(2)
        yield prometheus


def test_every_query_has_an_answer(watched: Prometheus) -> None:
    answers = {query: watched.query(query.filled) for query in queries()}
    there = [query for query in answers if not any(name.startswith(NOT_HERE) for name in query.metrics)]
    silent = [query for query in there if not any(math.isfinite(series.value) for series in answers[query])]
    assert silent == []


def test_the_books_balance_once_nothing_runs(watched: Prometheus) -> None:
    accepted = watched.value("sum(text_inference_requests_accepted_total)")
    assert accepted > 0
    assert watched.value("sum(text_inference_requests_total)") == accepted
    assert watched.value("sum(text_inference_active_generations)") == 0
    assert watched.value("sum(text_inference_active_connections)") == 0


def test_what_the_clients_did_is_what_was_counted(watched: Prometheus) -> None:
    causes = {series.labels["cause"]: series.value for series in watched.query("text_inference_aborts_total")}
    assert {cause: causes[cause] for cause in ("client_cancel", "barge_in", "client_end")} == {
        "client_cancel": 2,
        "barge_in": 2,
        "client_end": 2,
    }
    assert causes["disconnect"] == 2
    assert causes["timeout"] == 0
    assert watched.value("sum(text_inference_engine_restarts_total)") == 2


def test_promtool_finds_nothing_wrong_with_the_page_of_a_server_in_use(watched: Prometheus, used: Program) -> None:
    del watched  # the server has been used by now
    assert check_metrics(page(used.port)) == ""
