"""What has been counted: one row of numbers for each set of attributes, cheap to add to, read as a whole.

Why not the instruments of OpenTelemetry's SDK or prometheus_client: docs/decisions/0020.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import define, field, frozen

from runtime.telemetry.instruments import Instrument, Kind

Attributes = tuple[str, ...]
"""Values, in the order of an instrument's `attributes`."""


@frozen
class Distribution:
    """A histogram's row: how many values each bucket holds (the last one: beyond every bound), and their sum."""

    counts: tuple[int, ...]
    sum: float

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)


Snapshot = Mapping[Instrument, Mapping[Attributes, float | Distribution]]


@define(eq=False)
class _Row:
    counts: list[int]
    sum: float = 0.0


@define(eq=False)
class Books:
    """Counters and histograms of one process. Used in the loop's thread alone; other threads get a snapshot.

    `started_ns`: the wall clock's nanoseconds since which everything was counted. `zero`: counters that are there
    before anything has happened, so that a rate of them is nothing and not unknown.
    """

    started_ns: int
    zero: Iterable[tuple[Instrument, Attributes]] = ()
    _counters: dict[Instrument, dict[Attributes, float]] = field(factory=dict)
    _rows: dict[Instrument, dict[Attributes, _Row]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for instrument, attributes in self.zero:
            self.add(instrument, 0, *attributes)

    def add(self, instrument: Instrument, amount: float = 1, *attributes: str) -> None:
        """A counter grows."""
        series = self._counters.setdefault(instrument, {})
        series[attributes] = series.get(attributes, 0) + amount

    def record(self, instrument: Instrument, value: float, *attributes: str) -> None:
        """A histogram takes one value."""
        row = self._row(instrument, attributes)
        row.counts[bisect_left(instrument.buckets, value)] += 1
        row.sum += value

    def record_gaps(self, instrument: Instrument, times: Sequence[float]) -> None:
        """A histogram takes what lies between each two of these times."""
        if len(times) < 2:
            return
        row, bounds = self._row(instrument, ()), instrument.buckets
        counts, before = row.counts, times[0]
        for time in times[1:]:
            counts[bisect_left(bounds, time - before)] += 1
            before = time
        row.sum += before - times[0]

    def total(self, instrument: Instrument) -> float:
        """The sum of a counter's rows."""
        return sum(self._counters.get(instrument, {}).values())

    def snapshot(self, readings: Iterable["Reading"] = ()) -> Snapshot:
        """Everything as it is now, `readings` of what is observed included."""
        whole: dict[Instrument, dict[Attributes, float | Distribution]] = {
            instrument: dict(series) for instrument, series in self._counters.items()
        }
        for instrument, rows in self._rows.items():
            whole[instrument] = {
                attributes: Distribution(tuple(row.counts), row.sum) for attributes, row in rows.items()
            }
        for reading in readings:
            whole.setdefault(reading.instrument, {})[reading.attributes] = reading.value
        return whole

    def _row(self, instrument: Instrument, attributes: Attributes) -> _Row:
        rows = self._rows.setdefault(instrument, {})
        row = rows.get(attributes)
        if row is None:
            assert instrument.kind is Kind.HISTOGRAM
            row = rows[attributes] = _Row([0] * (len(instrument.buckets) + 1))
        return row


@frozen
class Reading:
    """The value of something observed."""

    instrument: Instrument
    value: float
    attributes: Attributes = ()


Read = Callable[[], Iterable[Reading]]

__all__ = ["Attributes", "Books", "Distribution", "Read", "Reading", "Snapshot"]
