"""What an instrument is, and the buckets of histograms; which there are stands in `catalogue`."""

import enum

from attrs import field, frozen


class Kind(enum.Enum):
    """COUNTER only grows; GAUGE is what is so now; HISTOGRAM holds every value in buckets."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@frozen(kw_only=True, eq=False)
class Instrument:
    """One row of the catalogue. `unit`: UCUM, as OpenTelemetry writes it. `buckets`: inclusive upper bounds.

    `attributes`: names of what its series differ by. `observed`: read when somebody looks, not counted as it happens.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = field(default=(), repr=False)
    observed: bool = False


# Seconds to a first token or a whole turn: below a millisecond for what is cached or refused, dense where a listener
# begins to notice (20 to 400 ms), wide above.
LATENCY = (
    *(0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18),
    *(0.2, 0.225, 0.25, 0.275, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0),
)
# Seconds between tokens: a small model takes a millisecond for each, a loaded GPU 30; a voice runs dry above 220.
GAP = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.0125, 0.015, 0.0175, 0.02, 0.025),
    *(0.03, 0.035, 0.04, 0.05, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0),
)
# Seconds of work that should take next to none.
INSTANT = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2),
    *(0.3, 0.4, 0.6, 1.0, 2.5, 5.0, 10.0),
)
# Seconds that people, loads and connections take.
LONG = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 21600.0)
TOKENS = tuple(float(2**power) for power in range(18))
TURNS = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 35.0, 60.0, 100.0, 200.0, 500.0)

# OpenTelemetry's GenAI conventions (development), "Generative AI metrics".
GEN_AI_DURATION = tuple(0.01 * 2**power for power in range(14))
GEN_AI_FIRST_TOKEN = (*(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),)
GEN_AI_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
GEN_AI_TOKENS = tuple(float(4**power) for power in range(14))

__all__ = [
    "GAP",
    "GEN_AI_DURATION",
    "GEN_AI_FIRST_TOKEN",
    "GEN_AI_PER_TOKEN",
    "GEN_AI_TOKENS",
    "INSTANT",
    "LATENCY",
    "LONG",
    "TOKENS",
    "TURNS",
    "Instrument",
    "Kind",
]
