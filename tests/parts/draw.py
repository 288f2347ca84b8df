"""`python -m tests.parts.draw OUT.png`: what the dashboard shows of real vLLM under callers who interrupt, cancel, hang
up and leave, and whose engine is killed meanwhile.

Prometheus scrapes the server and answers the dashboard's own queries; matplotlib draws what it says. Needs the parts
(`just parts`) and the benchmarks' packages (`python3 -m tooling.setup cpu --bench`).
"""

import math
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import matplotlib as mpl
import trio
from matplotlib import pyplot

from tests.dashboard import Query, queries
from tests.e2e.breaking import START_S, settings
from tests.e2e.callers import Tally, under_load
from tests.e2e.program import Program
from tests.e2e.weights import write_talker
from tests.parts.prometheus import Prometheus, Series

CALLERS = 10
BEFORE_S, AFTER_S = 60.0, 45.0
STEP_S = 2.0
INTERVAL = "15s"
"""In the place of `$__rate_interval`, as the picture is of two minutes."""
PANELS = (
    *("Turns ended", "Turns cancelled", "Aborts a second", "Tokens a second"),
    *("Time to first token", "Between tokens", "Whole turns", "Age of turns when stopped"),
    *("Abort latency: engine told", "Abort latency: confirmed", "Tokens for nobody, a second", "Silence a turn"),
    *("Requests", "Restarts", "Connections", "Event-loop lag"),
)
COLUMNS = 4


def answers(prometheus: Prometheus, since_s: float) -> Mapping[str, list[tuple[Query, Series]]]:
    """By panel, what each of its queries says of the time since."""
    found: dict[str, list[tuple[Query, Series]]] = {title: [] for title in PANELS}
    for query in queries():
        if query.panel in found:
            text = query.expression.replace("$instance", ".*").replace("$__rate_interval", INTERVAL)
            series = prometheus.query_range(text, since_s, time.time(), STEP_S)
            found[query.panel] += [(query, each) for each in series]
    return found


def draw(found: Mapping[str, list[tuple[Query, Series]]], since_s: float, out: Path) -> None:
    """A small plot for each panel."""
    mpl.use("Agg")
    rows = math.ceil(len(PANELS) / COLUMNS)
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=(5 * COLUMNS, 2.6 * rows), layout="constrained")
    for title, place in zip(PANELS, axes.flat, strict=True):
        for query, series in found[title]:
            moments = [moment - since_s for moment, _ in series.points]
            place.plot(moments, [value for _, value in series.points], label=_label(query, series), linewidth=1.2)
        place.set_title(title, fontsize=10)
        place.tick_params(labelsize=7)
        place.set_ylim(bottom=0)
        place.grid(alpha=0.3)
        if found[title]:
            place.legend(fontsize=6, loc="upper left")
    figure.supxlabel("seconds")
    figure.savefig(out, dpi=80)


def _label(query: Query, series: Series) -> str:
    quantile = query.expression.partition("histogram_quantile(")[2].partition(",")[0]
    told = [value for name, value in series.labels.items() if name not in ("instance", "job", "__name__")]
    return " ".join(filter(None, [f"p{float(quantile) * 100:g}" if quantile else "", *told])) or query.panel.lower()


def main(argv: Sequence[str]) -> int:
    """Load, ask, draw."""
    (out,) = map(Path, argv)
    with tempfile.TemporaryDirectory(prefix="draw-") as scratch:
        (data := Path(scratch) / "prometheus").mkdir()
        (model := Path(scratch) / "talker").mkdir()
        unlimited = {"WS_MAX_MESSAGES_PER_WINDOW": "0", "WS_MAX_CANCELS_PER_WINDOW": "0"}
        server = Program(settings(write_talker(model), CHAT_MAX_OUT="400", **unlimited))
        try:
            server.wait_ready(START_S)
            with Prometheus(data, [f"127.0.0.1:{server.port}"]) as prometheus:
                prometheus.wait_scraped(2)
                began = time.time()
                trio.run(
                    under_load, server, Tally(), CALLERS, partial(trio.sleep, BEFORE_S), partial(trio.sleep, AFTER_S)
                )
                prometheus.wait_scraped(2)
                draw(answers(prometheus, began), began, out)
        finally:
            server.bury()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
