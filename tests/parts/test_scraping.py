"""A real Prometheus reads the metrics of a real server."""

import time

import pytest
import trio

from tests.e2e.client import connected
from tests.e2e.program import Program
from tests.parts.pages import page
from tests.parts.prometheus import Prometheus, QueryRefused, check_metrics

CONNECTIONS = "text_inference_active_connections"


def test_the_page_is_scraped_and_the_server_is_up(prometheus: Prometheus) -> None:
    began = time.time()
    prometheus.wait_scraped(3)
    newest = prometheus.value("timestamp(up)")
    assert newest >= began + 2 * prometheus.scrape_interval_s - 0.01
    assert prometheus.value("up") == 1
    assert prometheus.value(f"max({CONNECTIONS})") == 0


async def test_a_connection_is_counted_while_it_is_there(prometheus: Prometheus, served: Program) -> None:
    async def wait_for(count: int) -> None:
        def is_there() -> bool:
            return prometheus.value(f"max({CONNECTIONS})") == count

        await trio.to_thread.run_sync(prometheus.wait, is_there, f"showing {count} connections")

    await wait_for(0)
    async with connected(served.port):
        await wait_for(1)
    await wait_for(0)


def test_promtool_finds_nothing_wrong_with_the_page(served: Program) -> None:
    assert check_metrics(page(served.port)) == ""


def test_promtool_finds_what_is_wrong() -> None:
    assert "parsing" in check_metrics("not a page\n")
    assert "total" in check_metrics("# HELP x_total Counts.\n# TYPE x_total gauge\nx_total 1\n")


def test_a_query_that_makes_no_sense_is_refused_and_one_that_finds_nothing_is_empty(prometheus: Prometheus) -> None:
    with pytest.raises(QueryRefused, match="parse error"):
        prometheus.query("rate(")
    assert prometheus.query("no_such_metric") == []


def test_a_range_has_a_value_for_each_step(prometheus: Prometheus) -> None:
    prometheus.wait_scraped(2)
    newest = prometheus.value("timestamp(up)")
    (series,) = prometheus.query_range("vector(1)", newest - 0.5, newest, 0.25)
    assert [value for _, value in series.points] == [1, 1, 1]
    assert len(prometheus.query("up[1m]")[0].points) >= 2
