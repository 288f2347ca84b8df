"""One verdict of many tools, on small projects with the tools themselves."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tooling.house.trees import write
from tooling.lint import USAGE, Tool, ask, lint_tools, run, tell

CONTRACT = """
[tool.importlinter]
root_packages = ["small"]
[[tool.importlinter.contracts]]
name = "a stands alone"
type = "forbidden"
source_modules = ["small.a"]
forbidden_modules = ["small.b"]
"""
UGLY = '"""A."""\n\nimport sys\nimport os\nprint( os.name,sys.argv )\n'
PRETTY = '"""A."""\n\nimport os\nimport sys\n\nprint(os.name, sys.argv)\n'
BAD_SCRIPT = "#!/bin/sh\nif true; then\n  echo $1\nfi\n"
GOOD_SCRIPT = '#!/bin/sh\nif true; then\n    echo "$1"\nfi\n'


def linted(root: Path, *argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return run(argv, root, out, err), out.getvalue(), err.getvalue()


def small(root: Path, *, pretty: bool) -> Path:
    """A project of two modules and a script."""
    files = {"small/__init__.py": '"""R."""\n', "small/b.py": '"""B."""\n'}
    files |= {"small/a.py": PRETTY if pretty else UGLY, "start": GOOD_SCRIPT if pretty else BAD_SCRIPT}
    return write(root, files, CONTRACT)


def test_fmt_tells_then_mends_then_has_nothing_to_say(tmp_path: Path) -> None:
    root = small(tmp_path, pretty=False)
    code, said, complaints = linted(root, "fmt", "--check")
    assert (code, [line.split(" failed")[0] for line in complaints.splitlines()]) == (
        1,
        ["lint: ruff check", "lint: ruff format", "lint: shfmt"],
    )
    assert "+    echo $1" in said
    assert (root / "small/a.py").read_text() == UGLY
    assert linted(root, "fmt") == (0, "", "")
    assert (root / "small/a.py").read_text() == PRETTY
    assert linted(root, "fmt", "--check") == (0, "", "")


def test_every_tool_runs_whatever_the_others_find(tmp_path: Path) -> None:
    root = small(tmp_path, pretty=False)
    (root / "small/b.py").write_text("import json  # noqa: F401\n")  # no docstring
    code, said, complaints = linted(root)
    failed = [line.removeprefix("lint: ").split(" failed")[0] for line in complaints.splitlines()]
    assert (code, failed) == (1, ["ruff check", "ruff format", "shfmt", "house", "shellcheck"])
    assert "SC2086" in said
    assert "small/b.py:1: docstring" in said


def test_nothing_found_says_nothing_and_fix_mends_what_can_be(tmp_path: Path) -> None:
    root = small(tmp_path, pretty=False)
    (root / "start").write_text(GOOD_SCRIPT.replace("    ", "  "))
    assert linted(root, "--fix") == (0, "", "")
    assert (root / "start").read_text() == GOOD_SCRIPT
    assert linted(root) == (0, "", "")


def test_a_tool_that_is_not_there_is_a_failure_that_says_how_to_get_it(tmp_path: Path) -> None:
    result = ask(Tool("shellcheck", (str(tmp_path / "shellcheck"), "x")), tmp_path)
    out, err = io.StringIO(), io.StringIO()
    assert tell([result], out, err) == 1
    assert "python3 -m tooling.setup cpu --dev" in out.getvalue()
    assert err.getvalue() == "lint: shellcheck failed (127)\n"


def test_without_scripts_nobody_is_asked_about_scripts() -> None:
    assert {"shellcheck", "shfmt"} - {tool.name for tool in lint_tools([])} == {"shellcheck", "shfmt"}
    assert {"shellcheck", "shfmt"} <= {tool.name for tool in lint_tools(["x.sh"])}


def test_without_a_project_it_says_what_is_wrong(tmp_path: Path) -> None:
    code, said, complaints = linted(tmp_path)
    assert (code, said) == (1, "")
    assert "pyproject.toml" in complaints


@pytest.mark.parametrize("argv", [["fmt", "--fix"], ["--check"], ["--fixx"], ["format"]])
def test_what_makes_no_sense_is_a_usage_error(argv: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        linted(tmp_path, *argv)
    assert ended.value.code == 2


def test_help_is_the_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tooling.lint", "-h"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{USAGE}\n", "")
