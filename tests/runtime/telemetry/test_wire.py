"""What is sent is what OpenTelemetry's own SDK would send of the same."""

from random import Random

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics as sdk_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as sdk_spans
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from actors import happenings as told
from actors.session.effects import AbortCause
from runtime.telemetry import catalogue as of
from runtime.telemetry.books import Attributes, Books, Distribution, Reading, Snapshot
from runtime.telemetry.instruments import Instrument, Kind
from runtime.telemetry.otlp.spans import Span
from runtime.telemetry.otlp.spans import SpanKind as SpanKinds
from runtime.telemetry.otlp.tracer import Tracer
from runtime.telemetry.otlp.wire import encode_metrics, encode_spans, rejected_points, rejected_spans
from runtime.telemetry.recorder import Recorder, zeroes
from tests.runtime.telemetry.stories import MODEL, STORY

ABOUT = {"service.name": "yap", "service.version": "0.1"}
SCOPE = InstrumentationScope("text_inference", "0.1")
STARTED_NS, NOW_NS = 10**18, 10**18 + 5


def _context(trace_id: bytes, span_id: bytes) -> SpanContext:
    return SpanContext(int.from_bytes(trace_id), int.from_bytes(span_id), False, TraceFlags(1))


def _readable(span: Span) -> ReadableSpan:
    why = {"text_inference.link": "interrupted"}
    return ReadableSpan(
        name=span.name,
        context=_context(span.trace_id, span.span_id),
        parent=_context(span.trace_id, span.parent_id) if span.parent_id else None,
        resource=Resource(ABOUT),
        attributes=span.attributes,
        links=[Link(_context(span.trace_id, span.link_id), why)] if span.link_id else [],
        kind=SpanKind.SERVER if span.kind.value == 2 else SpanKind.INTERNAL,
        instrumentation_scope=SCOPE,
        status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
        start_time=span.start_ns,
        end_time=span.end_ns,
    )


def test_spans_are_what_the_sdk_makes_of_them() -> None:
    spans: list[Span] = []
    tracer = Tracer(1.0, MODEL, spans.append, Random(3))
    for happening in STORY:
        tracer.report(happening)
    ours = ExportTraceServiceRequest.FromString(encode_spans(spans, ABOUT))
    theirs = sdk_spans([_readable(span) for span in spans])
    for group in ours.resource_spans:  # the trace's flags, which the protocol has had since 1.1 and the SDK leaves out
        for scoped in group.scope_spans:
            for span in scoped.spans:
                assert span.flags & 0xFF == 1
                span.flags &= ~0xFF
                for link in span.links:
                    link.flags &= ~0xFF
    for span in theirs.resource_spans[0].scope_spans[0].spans:
        if not span.status.code:
            span.ClearField("status")  # the same as an empty one
    assert ours == theirs


def books() -> tuple[Books, Snapshot]:
    kept = Books(STARTED_NS, zeroes())
    recorder = Recorder(kept, MODEL)
    for happening in (*STORY, told.AbortTold(AbortCause.BARGE_IN, 0.0001), told.SlotTaken(0.25)):
        recorder.report(happening)
    readings = [
        Reading(of.ACTIVE_CONNECTIONS, 3),
        Reading(of.PREFIX_HIT_RATIO, 0.75),
        Reading(of.GPU_MEMORY_USED, 2**36, ("0",)),
        Reading(of.ENGINE_RESTARTS, 1),
    ]
    return kept, kept.snapshot(readings)


def _sdk(instrument: Instrument, series: dict[Attributes, float | Distribution]) -> Metric:
    points: list[NumberDataPoint | HistogramDataPoint] = []
    for values, value in series.items():
        about = {name: text for name, text in zip(instrument.attributes, values, strict=True) if text}
        if isinstance(value, Distribution):
            points.append(
                HistogramDataPoint(
                    attributes=about,
                    start_time_unix_nano=STARTED_NS,
                    time_unix_nano=NOW_NS,
                    count=value.count,
                    sum=value.sum,
                    bucket_counts=value.counts,
                    explicit_bounds=instrument.buckets,
                    min=0,
                    max=0,
                )
            )
        else:
            points.append(NumberDataPoint(about, STARTED_NS, NOW_NS, value))
    cumulative = AggregationTemporality.CUMULATIVE
    data: Histogram | Sum | Gauge
    match instrument.kind:
        case Kind.HISTOGRAM:
            data = Histogram([each for each in points if isinstance(each, HistogramDataPoint)], cumulative)
        case Kind.COUNTER:
            data = Sum([each for each in points if isinstance(each, NumberDataPoint)], cumulative, True)
        case Kind.GAUGE:
            data = Gauge([each for each in points if isinstance(each, NumberDataPoint)])
    return Metric(instrument.name, instrument.description, instrument.unit, data)


def test_metrics_are_what_the_sdk_makes_of_them() -> None:
    _, snapshot = books()
    ours = ExportMetricsServiceRequest.FromString(encode_metrics(snapshot, ABOUT, STARTED_NS, NOW_NS))
    metrics = [_sdk(instrument, dict(series)) for instrument, series in snapshot.items()]
    scoped = ScopeMetrics(SCOPE, metrics, "")
    theirs = sdk_metrics(MetricsData([ResourceMetrics(Resource(ABOUT), [scoped], "")]))
    for group in theirs.resource_metrics:  # the least and the greatest value, which books do not keep
        for scope in group.scope_metrics:
            for metric in scope.metrics:
                for point in metric.histogram.data_points:
                    point.ClearField("min")
                    point.ClearField("max")
    assert ours == theirs


def test_a_metric_has_every_row_of_the_books() -> None:
    kept, snapshot = books()
    ours = ExportMetricsServiceRequest.FromString(encode_metrics(snapshot, ABOUT, STARTED_NS, NOW_NS))
    metrics = {metric.name: metric for metric in ours.resource_metrics[0].scope_metrics[0].metrics}
    generated = metrics["text_inference.tokens_generated_total"]
    assert generated.sum.is_monotonic
    assert sum(point.as_int for point in generated.sum.data_points) == kept.total(of.TOKENS_GENERATED)
    completed = [point for point in generated.sum.data_points if [each.key for each in point.attributes] == ["status"]]
    assert completed, "an empty attribute is left out"
    (ttft,) = metrics["text_inference.ttft"].histogram.data_points
    row = snapshot[of.TTFT][()]
    assert isinstance(row, Distribution)
    assert (tuple(ttft.bucket_counts), ttft.sum, ttft.count) == (row.counts, row.sum, row.count)
    assert tuple(ttft.explicit_bounds) == of.TTFT.buckets
    assert len(ttft.bucket_counts) == len(ttft.explicit_bounds) + 1


def test_a_wall_clock_that_went_back_makes_no_time_before_the_start() -> None:
    _, snapshot = books()
    ours = ExportMetricsServiceRequest.FromString(encode_metrics(snapshot, ABOUT, STARTED_NS, 5))
    (ttft,) = next(
        metric.histogram.data_points
        for metric in ours.resource_metrics[0].scope_metrics[0].metrics
        if metric.name == "text_inference.ttft"
    )
    assert ttft.time_unix_nano == ttft.start_time_unix_nano == STARTED_NS


def test_what_a_receiver_left_out_is_read_from_its_answer() -> None:
    spans, points = ExportTraceServiceResponse(), ExportMetricsServiceResponse()
    spans.partial_success.rejected_spans = 3
    points.partial_success.rejected_data_points = 4
    assert rejected_spans(spans.SerializeToString()) == 3
    assert rejected_points(points.SerializeToString()) == 4
    assert rejected_spans(b"") == rejected_points(b"") == 0


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "é\ud800"])
def test_half_a_surrogate_pair_costs_no_batch(text: str) -> None:
    span = Span(
        name="request",
        kind=SpanKinds.SERVER,
        trace_id=b"1" * 16,
        span_id=b"2" * 8,
        start_ns=1,
        end_ns=2,
        attributes={"session.id": text},
    )
    assert b"?" in encode_spans([span], ABOUT)
