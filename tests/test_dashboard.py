"""The Grafana dashboard asks for what there is. tests/parts puts its queries to a real Prometheus."""

import itertools
import re

import pytest

from runtime.telemetry.catalogue import CATALOGUE
from runtime.telemetry.instruments import Instrument, Kind
from runtime.telemetry.prometheus import label_of, name_of
from tests.dashboard import Query, queries, read

QUERIES = list(queries())
ROWS = (
    "Traffic and outcome",
    "Latency",
    "Interruptions",
    "Voice",
    "Chat engine",
    "Tool router",
    "Front end",
    "GPU",
)
OF_PROMETHEUS = {"instance", "le"}


def series() -> dict[str, Instrument]:
    """Every name on the page, histograms by their parts."""
    named: dict[str, Instrument] = {}
    for instrument in CATALOGUE:
        parts = ("_bucket", "_sum", "_count") if instrument.kind is Kind.HISTOGRAM else ("",)
        named |= {name_of(instrument) + part: instrument for part in parts}
    return named


def title(query: Query) -> str:
    return f"{query.row}: {query.panel}"


@pytest.mark.parametrize("query", QUERIES, ids=title)
def test_every_metric_of_a_query_is_in_the_catalogue_with_the_labels_that_it_is_asked_by(query: Query) -> None:
    named = series()
    assert query.metrics
    assert query.metrics <= named.keys()
    known = {label_of(attribute) for name in query.metrics for attribute in named[name].attributes}
    assert query.labels <= known | OF_PROMETHEUS


@pytest.mark.parametrize("query", QUERIES, ids=title)
def test_counters_are_asked_for_their_growth(query: Query) -> None:
    named = series()
    grown = set(re.findall(r"(?:rate|increase)\(([a-z0-9_]+)", query.expression))
    counted = {name for name in query.metrics if named[name].kind is not Kind.GAUGE}
    assert grown == counted or query.panel == "Turns under way"
    assert grown.isdisjoint(query.metrics - counted)


def test_every_server_can_be_looked_at_alone() -> None:
    assert all(len(re.findall(r'\{instance=~"\$instance"[,}]', query.expression)) for query in QUERIES)
    assert all(query.expression.count("{") == query.expression.count('{instance=~"$instance"') for query in QUERIES)


def test_the_rows_are_there_and_every_panel_has_a_place_an_id_and_a_sentence() -> None:
    panels = read()["panels"]
    assert tuple(panel["title"] for panel in panels if panel["type"] == "row") == ROWS
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["w"] > 0 and place["x"] >= 0 and place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["description"].endswith(".")
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_no_panel_lies_on_another() -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in read()["panels"]]
    for (one, a), (other, b) in itertools.combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, (one, other)
