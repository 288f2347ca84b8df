"""The table of log events in docs/logs.md and the code say the same: events, levels, fields."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).resolve().parents[1]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
PACKAGES = ("runtime", "actors", "engines", "protocol", "tooling")
EVENT = re.compile(r"[a-z]+\.[a-z_]+")
MORE = "..."
"""In the table for fields that a call takes from a mapping."""
SHOWN_AS = {"exc_info": "exception"}


@frozen
class Call:
    """A line of code that logs."""

    event: str
    level: str
    fields: frozenset[str]
    place: str


def _of_structlog(node: ast.expr) -> bool:
    """`log`, `self.log`, or `structlog.get_logger()`, bound or not."""
    text = ast.unparse(node)
    return text == "log" or text.endswith(".log") or ("get_logger(" in text and "structlog" in text)


def _literals(node: ast.expr) -> list[str] | None:
    """The events that an expression can be, None if that cannot be read off it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        one, other = _literals(node.body), _literals(node.orelse)
        return None if one is None or other is None else one + other
    return None


def calls() -> Iterator[Call]:
    """Every call of our packages that logs."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                if node.func.attr not in LEVELS or not _of_structlog(node.func.value):
                    continue
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                events = _literals(node.args[0]) if len(node.args) == 1 else None
                assert events, f"{place}: the event is not a literal"
                fields = frozenset(SHOWN_AS.get(each.arg, each.arg) if each.arg else MORE for each in node.keywords)
                for event in events:
                    yield Call(event, node.func.attr, fields, place)


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """Level and fields by event, as the page has them."""
    page = (ROOT / "docs/logs.md").read_text(encoding="utf-8").partition("## Events")[2]
    rows: dict[str, tuple[str, frozenset[str]]] = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| `"):
            continue
        assert len(cells) == 4 and all((cells[0], cells[1], cells[3])), line
        event = cells[0].strip("`")
        assert event not in rows, f"{event} has two rows"
        rows[event] = (cells[1], frozenset(cell.strip().strip("`") for cell in cells[2].split(",") if cell.strip()))
    return rows


CALLS = list(calls())


@pytest.mark.parametrize("event", sorted({call.event for call in CALLS} | documented().keys()))
def test_an_event_in_the_code_is_in_the_table_with_its_level_and_fields_and_the_other_way_round(event: str) -> None:
    here = [call for call in CALLS if call.event == event]
    rows = documented()
    assert event in rows, f"no row in docs/logs.md for what {here[0].place} logs"
    assert here, "a row in docs/logs.md that no code logs"
    level, fields = rows[event]
    for call in here:
        assert call.level == level, call.place
        assert call.fields <= fields, f"{call.place}: not in the table: {sorted(call.fields - fields)}"
    assert fields == frozenset().union(*(call.fields for call in here)), "a field in the table that no code logs"


def test_events_are_a_noun_a_dot_and_what_happened_in_order() -> None:
    events = list(documented())
    assert events == sorted(events)
    assert all(EVENT.fullmatch(event) for event in events)


def test_nothing_of_ours_is_logged_past_structlog() -> None:
    """Records through `logging` are the libraries'; ours would be in no table."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                    assert not re.match(r"(logging|logger)\b", ast.unparse(node.func.value)), path


def test_the_page_is_linked_where_people_look() -> None:
    assert "(docs/logs.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "(logs.md)" in (ROOT / "docs/operations.md").read_text(encoding="utf-8")
