"""The pages of promises: every row names tests that exist, and no figure stands without the page it is from."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Page, its column of tests, and the column of figures if it has one.
PAGES = [("reliability.md", "test", "figure"), ("security.md", "test", None)]
# A file, or one test of it: `tests/e2e/test_faults.py`, `tests/e2e/test_faults.py::test_name`.
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def tables(page: str) -> list[list[dict[str, str]]]:
    """Every table of a page, its rows by the names of its columns; a row of another length is an error."""
    found: list[list[dict[str, str]]] = []
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.splitlines()]
        found.append([dict(zip(lines[0], cells, strict=True)) for cells in lines[2:]])
    return found


def missing(cell: str) -> list[str]:
    """What a cell names that is not there."""
    gone: list[str] = []
    for path, test in NAMED.findall(cell):
        file = ROOT / path
        if not file.is_file():
            gone.append(path)
        elif test and not re.search(rf"^(?:async )?def {test}\(", file.read_text(encoding="utf-8"), re.MULTILINE):
            gone.append(f"{path}::{test}")
    return gone


@pytest.mark.parametrize(("page", "tests", "figure"), PAGES)
def test_every_row_names_tests_that_exist_and_a_figure_names_its_page(
    page: str, tests: str, figure: str | None
) -> None:
    rows = [row for table in tables(page) if tests in table[0] for row in table]
    assert len(rows) > 9
    for row in rows:
        assert all(row.values()), row
        named = NAMED.findall(row[tests])
        assert named, f"{row}: no test"
        assert row[tests].count("`") == 2 * len(named), f"{row[tests]}: something else than tests"
        assert not (gone := missing(row[tests])), f"{gone}: no such test"
        if figure is not None:
            assert row[figure] == "-" or re.search(r"\]\([^)\s]+\)", row[figure]), f"{row[figure]}: from which page?"
    assert len({next(iter(row.values())) for row in rows}) == len(rows), "a promise stands twice"


def test_a_test_that_is_not_there_is_found() -> None:
    assert missing("`tests/test_promises.py::test_a_test_that_is_not_there_is_found`, `tests/test_guide.py`") == []
    assert missing("`tests/test_promises.py::test_gone`") == ["tests/test_promises.py::test_gone"]
    assert missing("`tests/gone/test_gone.py`") == ["tests/gone/test_gone.py"]
