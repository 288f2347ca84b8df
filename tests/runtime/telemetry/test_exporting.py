"""Telemetry on its way to a real receiver: what arrives, and as what."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from structlog.typing import EventDict

from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Distribution
from tests.receivers.otlp import METRICS, TRACES, OtlpReceiver
from tests.runtime.telemetry.exporting import SPANS, TOKEN, books, hasty, outlet, running, tell, until

# -- what arrives ------------------------------------------------------------------------------------------------------


async def test_a_session_and_the_books_arrive_at_any_receiver(logged: list[EventDict]) -> None:
    with OtlpReceiver() as receiver:
        to = hasty(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"{receiver.url}/",
                "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=a%20b,authorization=Basic%20eDp5",
                "OTEL_SERVICE_NAME": "voice",
                "CLOUD_PLATFORM": "runpod",
                "AXIOM_ENVIRONMENT": "staging",
            }
        )
        kept = books()
        async with running(to, kept):
            tell(to)
        spans, newest = receiver.spans, receiver.newest
        for request in receiver.requests:
            assert request.headers["x-tenant"] == "a b"
            assert request.headers["authorization"] == "Basic eDp5"
            assert request.headers["content-encoding"] == "gzip"
    assert len(spans) == SPANS
    by_id = {span.span_id: span for span in spans}
    (session,) = [span for span in spans if span.name == "session"]
    assert {by_id[span.parent_id].name for span in spans if span.name == "request"} == {"session"}
    assert {by_id[span.parent_id].name for span in spans if span.name in ("route", "generation")} == {"request"}
    assert {span.trace_id for span in spans} == {session.trace_id}
    (linked,) = [span for span in spans if span.links]
    (link,) = linked.links
    assert (link.trace_id, by_id[link.span_id].attributes["text_inference.turn"]) == (session.trace_id, 2)
    assert [span.attributes["error.type"] for span in spans if span.name == "request" and span.status == 2] == [
        "EngineDead"
    ]
    about = dict(session.resource)
    assert len(about.pop("service.instance.id")) == 36
    about.pop("service.version", None)
    assert about == {
        "service.name": "voice",
        "deployment.environment.name": "staging",
        "deployment.environment": "staging",
        "cloud.platform": "runpod",
    }
    snapshot = kept.snapshot()
    assert set(newest) == {instrument.name for instrument in snapshot}
    (point,) = newest["text_inference.ttft"].points
    row = snapshot[of.TTFT][()]
    assert isinstance(row, Distribution)
    assert (point.buckets, point.bounds, point.total, point.start_ns) == (row.counts, of.TTFT.buckets, row.sum, 10**18)
    assert newest["text_inference.ttft"].resource == session.resource
    assert sum(point.value or 0 for point in newest["text_inference.requests_total"].points) == 4
    assert logged == []


async def test_axiom_has_a_data_set_for_each_signal() -> None:
    with OtlpReceiver() as receiver:
        to = outlet(
            {
                "AXIOM_API_TOKEN": TOKEN,
                "AXIOM_DATASET": "voice",
                "AXIOM_TRACES_ENDPOINT": receiver.url + TRACES,
                "AXIOM_METRICS_ENDPOINT": receiver.url + METRICS,
            }
        )
        async with running(to):
            tell(to)
        (traces,), (metrics,) = receiver.to(TRACES), receiver.to(METRICS)
    for request in (traces, metrics):
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert (traces.headers["x-axiom-dataset"], metrics.headers["x-axiom-metrics-dataset"]) == ("voice", "voice-metrics")
    assert "x-axiom-metrics-dataset" not in traces.headers
    assert "x-axiom-dataset" not in metrics.headers


async def test_metrics_go_out_at_every_interval_and_spans_when_there_are_any() -> None:
    with OtlpReceiver() as receiver:
        to = hasty({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        async with running(to):
            await until(lambda: len(receiver.to(METRICS)) >= 2)
            assert receiver.to(TRACES) == []
            tell(to)
            await until(lambda: len(receiver.spans) == SPANS)


async def test_a_full_batch_does_not_wait_for_its_interval() -> None:
    with OtlpReceiver() as receiver:
        to = outlet(
            {
                "OTEL_TRACES_EXPORT_INTERVAL_MS": "3600000",
                "OTEL_TRACES_BATCH_SIZE": "5",
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            }
        )
        async with running(to):
            tell(to)
            await until(lambda: len(receiver.spans) == SPANS)
            assert [len(request.message.resource_spans[0].scope_spans[0].spans) for request in receiver.to(TRACES)] == [
                5,
                5,
                2,
            ]


async def test_nothing_is_traced_where_no_session_is_to_be() -> None:
    with OtlpReceiver() as receiver:
        to = outlet({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_TRACES_SAMPLE_RATE": "0"})
        async with running(to):
            tell(to)
        assert receiver.to(TRACES) == []
        assert len(receiver.to(METRICS)) == 1


async def test_no_other_variable_of_opentelemetrys_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password other\n")
    for name, value in {
        "OTEL_SDK_DISABLED": "true",
        "OTEL_RESOURCE_ATTRIBUTES": "foreign=1",
        "OTEL_TRACES_SAMPLER": "always_off",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "x",
        "OTEL_BSP_MAX_QUEUE_SIZE": "1",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "0",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1",
        "OTEL_METRIC_EXPORT_INTERVAL": "1",
        "OTEL_METRICS_EXEMPLAR_FILTER": "x",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "0.000001",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/x",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "foreign=1",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
        "OTEL_PYTHON_METER_PROVIDER": "x",
        "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": "x",
        "NETRC": str(netrc),
    }.items():
        monkeypatch.setenv(name, value)
    with OtlpReceiver() as receiver:
        to = outlet({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        async with running(to):
            tell(to)
        assert len(receiver.spans) == SPANS
        (session,) = [span for span in receiver.spans if span.name == "session"]
        assert "foreign" not in session.resource
        for request in receiver.requests:
            assert request.headers["content-encoding"] == "gzip"
            assert "foreign" not in request.headers
            assert "authorization" not in request.headers


async def test_a_proxy_that_the_environment_names_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_address[1]}")
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
            to = outlet({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.invalid:4318"})
            async with running(to):
                tell(to)
        finally:
            proxy.shutdown()
            thread.join()
    assert sorted(asked) == ["http://collector.invalid:4318/v1/metrics", "http://collector.invalid:4318/v1/traces"]
