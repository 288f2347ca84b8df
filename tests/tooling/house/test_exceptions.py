"""What [tool.house] lets pass, and that it lets nothing else pass."""

from pathlib import Path

import pytest

from tests.tooling.house.trees import PROJECT, write
from tooling.house.rules import findings

LATE = {"runtime/a.py": '"""A."""\n\ndef f():\n    import json\n    import torch\n', "runtime/b.py": '"""B."""\n'}
FIRST = PROJECT.count("\n") + 2


def told(root: Path, house: str) -> list[tuple[str, int, str]]:
    return [(one.path, one.line, one.rule) for one in findings(write(root, LATE, house))]


def test_a_line_lets_its_rule_pass_in_its_file(tmp_path: Path) -> None:
    assert told(tmp_path, '[tool.house.exceptions]\n"late-import runtime/a.py" = "because"\n') == []


def test_a_subject_narrows_a_line(tmp_path: Path) -> None:
    house = '[tool.house.exceptions]\n"late-import runtime/a.py json" = "because"\n'
    assert told(tmp_path, house) == [("runtime/a.py", 5, "late-import")]


def test_what_is_opened_late_may_import_heavy_libraries_only(tmp_path: Path) -> None:
    house = '[tool.house.opened-late]\n"runtime/a.py" = "because"\n'
    assert told(tmp_path, house) == [("runtime/a.py", 4, "late-import")]


@pytest.mark.parametrize(
    "line",
    [
        '"late-import runtime/b.py" = "nothing there"',
        '"late-import runtime/a.py numpy" = "no such import"',
        '"late-imports runtime/a.py" = "no such rule"',
        '"late-import" = "no file"',
        '"late-import runtime/a.py" = " "',
        '"late-import runtime/a.py" = 3',
    ],
)
def test_a_line_that_is_wrong_or_not_needed_is_told(line: str, tmp_path: Path) -> None:
    found = told(tmp_path, f"[tool.house.exceptions]\n{line}\n")
    assert ("pyproject.toml", FIRST, "exception") in found
    assert ("runtime/a.py", 4, "late-import") in found


@pytest.mark.parametrize("house", ["[tool.house]\nexeptions = {}\n", "[tool.house]\nexceptions = 3\n"])
def test_a_table_that_does_not_exist_or_is_none_is_told(house: str, tmp_path: Path) -> None:
    assert ("pyproject.toml", FIRST, "exception") in told(tmp_path, house)
