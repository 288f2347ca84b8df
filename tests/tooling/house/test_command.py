"""The program: what it prints and the code it ends with."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tooling.house.trees import write
from tooling.house.command import USAGE, run
from tooling.house.rules import RULES

GOOD = {"runtime/a.py": '"""A."""\n', "runtime/b.py": '"""B."""\n'}
BAD = GOOD | {"runtime/a.py": '"""A."""\nimport asyncio\n'}
WHAT = "runtime/a.py:2: asyncio: imports asyncio; use trio"


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


def house(*argv: str, root: Path, out: io.StringIO | None = None) -> tuple[int, str, str]:
    out, err = out or io.StringIO(), io.StringIO()
    return run(argv, root, out, err), out.getvalue(), err.getvalue()


def test_nothing_found_says_nothing(tmp_path: Path) -> None:
    assert house(root=write(tmp_path, GOOD)) == (0, "", "")


def test_a_finding_is_a_line_with_place_rule_and_remedy(tmp_path: Path) -> None:
    code, said, complaints = house(root=write(tmp_path, BAD))
    assert (code, complaints) == (1, "")
    (line,) = said.splitlines()
    assert line.startswith(WHAT)


def test_another_checkout_can_be_named(tmp_path: Path) -> None:
    assert house(str(write(tmp_path, BAD)), root=tmp_path / "nowhere")[0] == 1


def test_colours_only_on_a_terminal(tmp_path: Path) -> None:
    root = write(tmp_path, BAD)
    assert "\x1b" not in house(root=root)[1]
    assert "\x1b[31masyncio\x1b[0m" in house(root=root, out=Terminal())[1]


def test_json_is_a_list_of_findings(tmp_path: Path) -> None:
    code, said, _ = house("--json", root=write(tmp_path, BAD))
    (found,) = json.loads(said)
    assert (code, found["path"], found["line"], found["rule"]) == (1, "runtime/a.py", 2, "asyncio")
    assert house("--json", root=write(tmp_path, GOOD)) == (0, "[]\n", "")


def test_list_names_every_rule_and_its_scope(tmp_path: Path) -> None:
    code, said, _ = house("--list", root=tmp_path)
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == [*(rule.name for rule in RULES), "exception"]


@pytest.mark.parametrize(
    ("text", "code"), [(None, 1), ("[project", 3), ("[tool.hatch]\n", 3), ("[tool]\nhatch = 3\n", 3), ("\0", 3)]
)
def test_without_a_project_it_says_what_is_wrong(text: str | None, code: int, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    ended, said, complaints = house(root=tmp_path)
    assert (ended, said) == (code, "")
    assert complaints.startswith("house: ")
    assert "pyproject.toml" in complaints


def test_odd_files_are_told_or_passed_over_and_never_end_it(tmp_path: Path) -> None:
    root = write(tmp_path, GOOD)
    (root / "runtime/latin.py").write_bytes(b"# \xe9\n")
    (root / "runtime/zero.py").write_bytes(b"x = '\0'\n")
    (root / "runtime/dangling.py").symlink_to("nowhere")
    (root / "runtime/loop").symlink_to("..")
    (root / "runtime/folder.py").mkdir()
    (root / "runtime/na me\udcff.sh").write_text("true\n")
    (root / ".venvs/cpu").mkdir(parents=True)
    (root / ".venvs/cpu/x.sh").write_text("python -c x\n")
    code, said, complaints = house("--json", root=root)
    found = [(one["path"], one["rule"]) for one in json.loads(said)]
    assert (code, complaints) == (1, "")
    assert found == [(f"runtime/{name}.py", "readable") for name in ("dangling", "latin", "zero")]


@pytest.mark.parametrize(("reader", "code", "said"), [("gone", 0, ""), ("full", 1, "could not be written: No space")])
def test_a_reader_that_left_is_no_failure_and_a_full_disk_is_one_line(reader: str, code: int, said: str) -> None:
    read, written = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "tooling.house", "--list"]
    with Path("/dev/full").open("w") as full:
        place = full if reader == "full" else written
        done = subprocess.run(command, stdout=place, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(written)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == bool(said)


def test_help_is_the_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tooling.house", "-h"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{USAGE}\n", "")
    wrong = subprocess.run(
        [sys.executable, "-m", "tooling.house", "--lst"], capture_output=True, text=True, check=False, timeout=60
    )
    assert wrong.returncode == 2
