"""`/metrics`: a snapshot of the books as a page for Prometheus, through prometheus_client."""

from collections.abc import Iterator, Mapping

from attrs import frozen
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from runtime.telemetry.books import Attributes, Distribution, Snapshot
from runtime.telemetry.instruments import Instrument, Kind

UNITS = {"s": "_seconds", "By": "_bytes", "%": "_percent"}
"""Unit suffixes, as OpenTelemetry's specification ("Prometheus and OpenMetrics Compatibility") makes them."""


def render(snapshot: Snapshot) -> bytes:
    """The page. It takes milliseconds: for a thread, not for the loop."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(snapshot))
    return generate_latest(registry)


def name_of(instrument: Instrument) -> str:
    """The name on the page, without what the format adds to a histogram's parts."""
    plain = instrument.name.replace(".", "_")
    if instrument.kind is Kind.COUNTER:
        return f"{plain.removesuffix('_total')}{UNITS.get(instrument.unit, '')}_total"
    return plain + UNITS.get(instrument.unit, "")


def label_of(attribute: str) -> str:
    """An attribute's name as a label."""
    return attribute.replace(".", "_")


@frozen(eq=False)
class _Page(Collector):
    snapshot: Snapshot

    def collect(self) -> Iterator[Metric]:
        """For prometheus_client."""
        for instrument, series in self.snapshot.items():
            yield _family(instrument, series)


def _family(instrument: Instrument, series: Mapping[Attributes, float | Distribution]) -> Metric:
    name, text = name_of(instrument), instrument.description
    labels = [label_of(attribute) for attribute in instrument.attributes]
    family: CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
    match instrument.kind:
        case Kind.HISTOGRAM:
            family = HistogramMetricFamily(name, text, labels=labels)
        case Kind.COUNTER:
            family = CounterMetricFamily(name.removesuffix("_total"), text, labels=labels)
        case Kind.GAUGE:
            family = GaugeMetricFamily(name, text, labels=labels)
    for attributes, value in series.items():
        if isinstance(value, Distribution):
            assert isinstance(family, HistogramMetricFamily)
            family.add_metric(attributes, _cumulative(instrument, value), value.sum)
        else:
            assert not isinstance(family, HistogramMetricFamily)
            family.add_metric(attributes, value)
    return family


def _cumulative(instrument: Instrument, value: Distribution) -> list[tuple[str, float]]:
    buckets, total = [], 0
    for bound, count in zip((*map(repr, instrument.buckets), "+Inf"), value.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets


__all__ = ["label_of", "name_of", "render"]
