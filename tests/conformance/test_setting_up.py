"""The fuzzing client's interpreter is found or asked for; its packages are whole or not there."""

import io
import sys
from pathlib import Path

import pytest

from tests.conformance import interpreter
from tests.conformance.__main__ import main
from tests.conformance.interpreter import MEND, Interpreter, find
from tests.conformance.site import RECORD, ensure
from tests.conformance.standins import installs, python
from tooling.refusal import Refusal
from tooling.setup.progress import Progress


def nothing(tmp_path: Path) -> dict[str, str]:
    return {"PATH": f"{tmp_path / 'bin'}:/bin", "PYENV_ROOT": str(tmp_path / "pyenv")}


def ensured(path: Path, home: Path) -> tuple[Path, str]:
    said = io.StringIO()
    return ensure(Interpreter(path, "2.7.18"), home, Progress(said, name="autobahn")), said.getvalue()


def test_the_one_on_the_path_is_taken(tmp_path: Path) -> None:
    path = python(tmp_path / "bin" / "python2.7")
    assert find(None, nothing(tmp_path)) == Interpreter(path, "2.7.18")


def test_a_shim_that_has_none_behind_it_is_passed_over_for_pyenvs_newest(tmp_path: Path) -> None:
    python(tmp_path / "bin" / "python2.7", code=127)
    python(tmp_path / "pyenv" / "versions" / "2.7.17" / "bin" / "python2.7")
    newest = python(tmp_path / "pyenv" / "versions" / "2.7.18" / "bin" / "python2.7")
    assert find(None, nothing(tmp_path)).path == newest


def test_a_named_one_is_the_only_one_tried(tmp_path: Path) -> None:
    python(tmp_path / "bin" / "python2.7")
    with pytest.raises(Refusal, match=r"it is Python 3\.") as refused:
        find(sys.executable, nothing(tmp_path))
    assert refused.value.exit_code == 3
    assert MEND in str(refused.value)


def test_one_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "PROOF_S", 0.2)
    hangs = tmp_path / "python2.7"
    hangs.write_text("#!/bin/sh\nexec sleep 60\n")
    hangs.chmod(0o755)
    with pytest.raises(Refusal, match="no answer in"):
        find(str(hangs), nothing(tmp_path))


def test_where_there_is_none_the_command_ends_with_3_and_the_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], nothing(tmp_path)) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("autobahn: the fuzzing client needs a Python 2.7 with pip")
    assert MEND in said.err


def test_the_packages_are_fetched_once(tmp_path: Path) -> None:
    path, home = python(tmp_path / "python2.7"), tmp_path / "home" / "autobahn"
    made, said = ensured(path, home)
    assert (made, installs(path)) == (home, 1)
    assert "fetching it" in said
    assert (home / "package").exists()
    assert ensured(path, home) == (home, "")
    assert installs(path) == 1


def test_those_of_another_interpreter_are_made_anew(tmp_path: Path) -> None:
    home = tmp_path / "autobahn"
    ensured(python(tmp_path / "one"), home)
    (home / "left").touch()
    other = python(tmp_path / "other")
    ensured(other, home)
    assert installs(other) == 1
    assert not (home / "left").exists()


@pytest.mark.parametrize("record", [None, "", "[]", '{"key": "other"}'])
def test_half_a_site_is_none(tmp_path: Path, record: str | None) -> None:
    home = tmp_path / "autobahn"
    home.mkdir()
    if record is not None:
        (home / RECORD).write_text(record)
    path = python(tmp_path / "python2.7")
    ensured(path, home)
    assert installs(path) == 1


def test_when_pip_fails_its_last_lines_are_told_and_nothing_is_left(tmp_path: Path) -> None:
    home = tmp_path / "home" / "autobahn"
    with pytest.raises(Refusal, match="no wheel for you"):
        ensured(python(tmp_path / "python2.7", pip="echo no wheel for you; exit 1"), home)
    assert [path.name for path in home.parent.iterdir()] == ["autobahn.lock"]
