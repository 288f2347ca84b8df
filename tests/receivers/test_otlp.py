"""The OTLP receiver takes what the real exporters send, and can be as bad as a real one."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, StatusCode

from tests.receivers.behaviour import Behaviour, cutting, hanging, refusing, slow
from tests.receivers.otlp import METRICS, TRACES, OtlpReceiver
from tests.receivers.receiver import dead_port

RESOURCE = Resource.create({"service.name": "yap"})


@contextmanager
def exporter(url: str, timeout_s: float = 2.0) -> Iterator[OTLPSpanExporter]:
    made = OTLPSpanExporter(
        endpoint=url + TRACES, headers={"X-Axiom-Dataset": "spans"}, timeout=timeout_s, compression=Compression.Gzip
    )
    yield made
    made.shutdown()  # type: ignore[no-untyped-call]


class Kept(SpanExporter):
    """Keeps what it gets, so that a test exports it itself."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: object) -> SpanExportResult:
        assert isinstance(spans, tuple | list)
        self.spans.extend(spans)
        return SpanExportResult.SUCCESS


def two_spans() -> list[ReadableSpan]:
    kept = Kept()
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("ours")
    with tracer.start_as_current_span("session", attributes={"session.id": "s-1"}) as session:
        with tracer.start_as_current_span(
            "request", links=[Link(session.get_span_context(), {"why": "barge_in"})]
        ) as it:
            it.add_event("first_token", {"n": 1})
            it.set_attributes({"tokens": 7, "ratio": 0.5, "stop": True, "ids": ["a", "b"]})
            it.set_status(StatusCode.ERROR)
    provider.shutdown()
    return kept.spans


def sent(receiver: OtlpReceiver, timeout_s: float = 2.0) -> SpanExportResult:
    with exporter(receiver.url, timeout_s) as sender:
        return sender.export(two_spans())


def test_spans_of_the_real_exporter_arrive_whole() -> None:
    with OtlpReceiver() as receiver:
        assert sent(receiver) is SpanExportResult.SUCCESS
        (request,) = receiver.to(TRACES)
    assert request.headers["x-axiom-dataset"] == "spans"
    assert request.headers["content-encoding"] == "gzip"
    inner, outer = receiver.spans
    assert (outer.name, outer.parent_id, outer.attributes) == ("session", "", {"session.id": "s-1"})
    assert (inner.name, inner.parent_id, inner.trace_id) == ("request", outer.span_id, outer.trace_id)
    assert inner.attributes == {"tokens": 7, "ratio": 0.5, "stop": True, "ids": ("a", "b")}
    assert inner.status == StatusCode.ERROR.value
    (event,), (link,) = inner.events, inner.links
    assert (event.name, event.attributes) == ("first_token", {"n": 1})
    assert (link.span_id, link.attributes) == (outer.span_id, {"why": "barge_in"})
    assert outer.start_ns <= inner.start_ns <= event.at_ns <= inner.end_ns <= outer.end_ns
    assert inner.resource["service.name"] == "yap"
    assert inner.scope == "ours"


def test_metrics_of_the_real_exporter_arrive_whole() -> None:
    with OtlpReceiver() as receiver:
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=receiver.url + METRICS, timeout=2), 3600_000)
        provider = MeterProvider([reader], RESOURCE, shutdown_on_exit=False)
        meter = provider.get_meter("ours")
        meter.create_counter("turns", "{turn}", "Turns.").add(3, {"cause": "end"})
        meter.create_up_down_counter("running").add(2)
        meter.create_gauge("lag", "s").set(0.25)
        seconds = meter.create_histogram("ttft", "s", explicit_bucket_boundaries_advisory=[0.1, 0.2])
        for value in (0.05, 0.15, 0.3):
            seconds.record(value)
        provider.shutdown()
        (request,) = receiver.to(METRICS)
    assert "content-encoding" not in request.headers
    newest = receiver.newest
    assert {name: metric.kind for name, metric in newest.items()} == {
        "turns": "sum",
        "running": "sum",
        "lag": "gauge",
        "ttft": "histogram",
    }
    (turns,), (ttft,) = newest["turns"].points, newest["ttft"].points
    assert (newest["turns"].unit, newest["turns"].description, turns.value) == ("{turn}", "Turns.", 3)
    assert turns.attributes == {"cause": "end"}
    assert newest["lag"].points[0].value == 0.25
    assert (ttft.count, ttft.total, ttft.buckets, ttft.bounds) == (3, 0.5, (1, 1, 1), (0.1, 0.2))
    assert newest["ttft"].resource["service.name"] == "yap"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_final(status: int) -> None:
    with OtlpReceiver(refusing(status)) as receiver:
        assert sent(receiver) is SpanExportResult.FAILURE
        assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_one_who_says_when_to_come_again_is_asked_again(status: int) -> None:
    with OtlpReceiver() as receiver:
        receiver.first(refusing(status, retry_after_s=0))
        assert sent(receiver, 20) is SpanExportResult.SUCCESS
        assert len(receiver.wait(2)) == 2


@pytest.mark.parametrize("behaviour", [hanging(), slow(60)], ids=["hanging", "slow"])
def test_one_without_an_answer_has_read_the_request_and_the_exporter_gives_up(behaviour: Behaviour) -> None:
    began = time.monotonic()
    with OtlpReceiver(behaviour) as receiver:
        assert sent(receiver, 0.5) is SpanExportResult.FAILURE
        assert len(receiver.spans) >= 2
    assert time.monotonic() - began < 20


def test_a_slow_one_answers_in_the_end() -> None:
    with OtlpReceiver(slow(0.3)) as receiver:
        began = time.monotonic()
        assert sent(receiver, 20) is SpanExportResult.SUCCESS
        assert time.monotonic() - began >= 0.3


def test_a_cut_request_is_no_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "urllib3")
    with OtlpReceiver(cutting()) as receiver:
        assert sent(receiver, 0.5) is SpanExportResult.FAILURE
        assert receiver.cut >= 1
        assert receiver.requests == []


def test_each_path_can_have_a_behaviour_of_its_own() -> None:
    with OtlpReceiver() as receiver:
        receiver.behave(refusing(403), METRICS)
        assert sent(receiver) is SpanExportResult.SUCCESS
        body, headers = b"", {"Content-Type": "application/x-protobuf"}
        with requests.Session() as session:
            assert session.post(receiver.url + METRICS, body, headers=headers).status_code == 403
            assert session.post(receiver.url + TRACES, body, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "headers", "told"),
    [
        (TRACES, b"\xff\xff", {}, "not protobuf"),
        (TRACES, b"x", {"Content-Encoding": "gzip"}, "not gzip"),
        (TRACES, b"x", {"Content-Encoding": "br"}, "no such decoder"),
        (TRACES, b"", {"Content-Type": "application/json"}, "application/json"),
        ("/v1/logs", b"", {}, "neither"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_the_test(
    path: str, body: bytes, headers: dict[str, str], told: str
) -> None:
    receiver = OtlpReceiver()
    with pytest.raises(AssertionError, match=told), receiver, requests.Session() as session:
        session.post(receiver.url + path, body, headers={"Content-Type": "application/x-protobuf", **headers})


def test_a_connection_that_is_kept_does_not_keep_the_receiver() -> None:
    with OtlpReceiver() as receiver:
        session = requests.Session()
        session.post(receiver.url + TRACES, b"", headers={"Content-Type": "application/x-protobuf"})
    session.close()


def test_a_dead_port_refuses() -> None:
    with dead_port() as port, exporter(f"http://127.0.0.1:{port}", 0.5) as sender:
        assert sender.export(two_spans()) is SpanExportResult.FAILURE
