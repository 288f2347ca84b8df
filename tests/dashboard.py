"""What is asked for in docs/grafana/dashboard.json: every query of every panel, and the names in it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

PATH = Path(__file__).parents[1] / "docs" / "grafana" / "dashboard.json"
# What Grafana puts in for each variable; all servers, and an interval that holds what a test has done.
VARIABLES = {"$instance": ".*", "$__rate_interval": "2m"}
# Where nothing has happened a panel shows zero. A test wants to know whether there is anything.
OTHERWISE_ZERO = re.compile(r" or (on \(\) )?vector\(0\)")
_NAME = re.compile(r"\b(?:text_inference|gen_ai)_[a-z0-9_]+(?=\{)")
_LABELS = re.compile(r"\bby \(([^)]*)\)")
_MATCHERS = re.compile(r"\{([^}]*)\}")
_LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")


@frozen
class Query:
    """One query of a panel, as it stands there. `row`: the title of the row that the panel is in."""

    row: str
    panel: str
    expression: str

    @property
    def filled(self) -> str:
        """With a value for each variable, and nothing where nothing is known."""
        text = OTHERWISE_ZERO.sub("", self.expression)
        for name, value in VARIABLES.items():
            text = text.replace(name, value)
        assert "$" not in text, text
        return text

    @property
    def metrics(self) -> set[str]:
        """Names of the series that it reads."""
        return set(_NAME.findall(self.expression))

    @property
    def labels(self) -> set[str]:
        """Names of the labels that it tells apart or selects by."""
        grouped = {name.strip() for names in _LABELS.findall(self.expression) for name in names.split(",")}
        return grouped | {name for group in _MATCHERS.findall(self.expression) for name in _LABEL.findall(group)}


def read() -> dict[str, Any]:
    """The dashboard."""
    document = json.loads(PATH.read_text("utf-8"))
    assert isinstance(document, dict)
    return document


def queries() -> Iterator[Query]:
    """Every query of every panel, in their order on the page."""
    row = ""
    for panel in read()["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
        for target in panel.get("targets", ()):
            yield Query(row, panel["title"], target["expr"])


__all__ = ["PATH", "Query", "queries", "read"]
