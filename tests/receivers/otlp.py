"""An OTLP/HTTP receiver: it decodes the protobuf of traces and metrics, and shows both as plain data."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.receivers.behaviour import Behaviour
from tests.receivers.receiver import Answer, Received, Receiver, Undecodable

TRACES = "/v1/traces"
METRICS = "/v1/metrics"
CONTENT_TYPE = "application/x-protobuf"
Message = ExportTraceServiceRequest | ExportMetricsServiceRequest
Attributes = Mapping[str, Any]


@frozen
class Link:
    """What a span points at: ids in hex."""

    trace_id: str
    span_id: str
    attributes: Attributes


@frozen
class Event:
    """Something that happened in a span. `at_ns`: Unix time."""

    name: str
    at_ns: int
    attributes: Attributes


@frozen
class Span:
    """A span: ids in hex (`parent_id` empty at the root), Unix times in nanoseconds, status as OTLP's number."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    start_ns: int
    end_ns: int
    status: int
    attributes: Attributes
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    resource: Attributes
    scope: str


@frozen
class Point:
    """One data point. `value`: of sums and gauges. `count`, `total`, `buckets`, `bounds`: of histograms."""

    attributes: Attributes
    start_ns: int
    at_ns: int
    value: float | None = None
    count: int = 0
    total: float = 0.0
    buckets: tuple[int, ...] = ()
    bounds: tuple[float, ...] = ()


@frozen
class Metric:
    """One metric of one export. `kind`: OTLP's word (gauge, sum, histogram, exponential_histogram)."""

    name: str
    unit: str
    description: str
    kind: str
    points: tuple[Point, ...]
    resource: Attributes
    scope: str


class OtlpReceiver(Receiver[Message]):
    """Takes what an OTLP/HTTP exporter sends to `url` + `/v1/traces` or `/v1/metrics`."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        super().__init__(_read, _answer, behaviour)

    @property
    def spans(self) -> list[Span]:
        """Every span that came, in order."""
        return [span for request in self.requests for span in spans_of(request.message)]

    @property
    def metrics(self) -> list[Metric]:
        """Every metric of every export that came, in order; cumulative ones repeat."""
        return [metric for request in self.requests for metric in metrics_of(request.message)]

    @property
    def newest(self) -> dict[str, Metric]:
        """Each metric by name as it was exported last."""
        return {metric.name: metric for metric in self.metrics}

    def to(self, path: str) -> list[Received[Message]]:
        """The requests to one path, each whole."""
        return [request for request in self.requests if request.path == path]


def spans_of(message: Message) -> Iterator[Span]:
    """The spans in a request; none in one of metrics."""
    if not isinstance(message, ExportTraceServiceRequest):
        return
    for group in message.resource_spans:
        resource = plain(group.resource.attributes)
        for scoped in group.scope_spans:
            for raw in scoped.spans:
                yield Span(
                    name=raw.name,
                    trace_id=raw.trace_id.hex(),
                    span_id=raw.span_id.hex(),
                    parent_id=raw.parent_span_id.hex(),
                    kind=raw.kind,
                    start_ns=raw.start_time_unix_nano,
                    end_ns=raw.end_time_unix_nano,
                    status=raw.status.code,
                    attributes=plain(raw.attributes),
                    events=tuple(Event(each.name, each.time_unix_nano, plain(each.attributes)) for each in raw.events),
                    links=tuple(
                        Link(each.trace_id.hex(), each.span_id.hex(), plain(each.attributes)) for each in raw.links
                    ),
                    resource=resource,
                    scope=scoped.scope.name,
                )


def metrics_of(message: Message) -> Iterator[Metric]:
    """The metrics in a request; none in one of traces."""
    if not isinstance(message, ExportMetricsServiceRequest):
        return
    for group in message.resource_metrics:
        resource = plain(group.resource.attributes)
        for scoped in group.scope_metrics:
            for raw in scoped.metrics:
                kind = raw.WhichOneof("data")
                points = tuple(map(_point, getattr(raw, kind).data_points)) if kind else ()
                yield Metric(raw.name, raw.unit, raw.description, kind or "", points, resource, scoped.scope.name)


def plain(attributes: Iterable[Any]) -> dict[str, Any]:
    """OTLP's key-value pairs as a dict of Python values."""
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: Any) -> Any:
    match value.WhichOneof("value"):
        case "array_value":
            return tuple(_value(each) for each in value.array_value.values)
        case "kvlist_value":
            return plain(value.kvlist_value.values)
        case None:
            return None
        case kind:
            return getattr(value, kind)


def _point(raw: Any) -> Point:
    about = (plain(raw.attributes), raw.start_time_unix_nano, raw.time_unix_nano)
    if "as_double" in raw.DESCRIPTOR.fields_by_name:
        return Point(*about, value=float(getattr(raw, raw.WhichOneof("value"))))
    if "explicit_bounds" in raw.DESCRIPTOR.fields_by_name:
        buckets, bounds = tuple(raw.bucket_counts), tuple(raw.explicit_bounds)
        return Point(*about, count=raw.count, total=raw.sum, buckets=buckets, bounds=bounds)
    return Point(*about, count=raw.count, total=raw.sum)


def _read(path: str, headers: Mapping[str, str], body: bytes) -> Message:
    if headers.get("content-type") != CONTENT_TYPE:
        raise Undecodable(f"Content-Type {headers.get('content-type')}, not {CONTENT_TYPE}")
    message: Message
    match path:
        case "/v1/traces":
            message = ExportTraceServiceRequest()
        case "/v1/metrics":
            message = ExportMetricsServiceRequest()
        case _:
            raise Undecodable("neither traces nor metrics")
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise Undecodable(f"not protobuf: {error}") from error
    return message


def _answer(message: Message) -> Answer:
    is_trace = isinstance(message, ExportTraceServiceRequest)
    response = ExportTraceServiceResponse() if is_trace else ExportMetricsServiceResponse()
    return Answer(response.SerializeToString(), CONTENT_TYPE)


__all__ = ["METRICS", "TRACES", "Event", "Link", "Metric", "OtlpReceiver", "Point", "Span", "metrics_of", "spans_of"]
