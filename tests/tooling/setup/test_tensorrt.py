"""What TensorRT-LLM asks of a machine before anything is fetched."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engines.trt.library import INSTALL
from tooling.setup.command import NO_TRT
from tooling.setup.environment import RECORD, Environment
from tooling.setup.errors import MachineError
from tooling.setup.project import Project
from tooling.setup.stages import plan
from tooling.setup.tensorrt import is_ready, python_for_trt, require_mpi

ROOT = Path(__file__).resolve().parents[3]


def absent(name: str) -> object:
    raise OSError(name)


def test_the_sentence_is_the_one_that_the_engine_says() -> None:
    assert INSTALL in NO_TRT


def test_its_stages_are_torch_the_library_and_this_project() -> None:
    torch, library, _ = plan(Project(ROOT), "trt", dev=False)
    assert (torch.name, library.name) == ("torch", "packages")
    assert torch.key == "2.9.1"


def test_without_python_312_the_versions_that_are_published_are_named() -> None:
    with pytest.raises(MachineError, match=r"3\.10 and 3\.12, this is 3\.11"):
        python_for_trt((3, 11), find=lambda name: None)


def test_a_version_managers_stand_in_for_python_312_is_not_taken_for_one(tmp_path: Path) -> None:
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    with pytest.raises(MachineError):
        python_for_trt((3, 11), find=lambda name: str(shim))


def test_the_running_interpreter_is_taken_if_it_is_312_and_else_the_one_on_path(tmp_path: Path) -> None:
    assert python_for_trt((3, 12), find=lambda name: None) == sys.executable
    other = tmp_path / "python3.12"
    other.write_text("#!/bin/sh\nexit 0\n")
    other.chmod(0o755)
    assert python_for_trt((3, 13), find=lambda name: str(other)) == str(other)


def test_without_mpi_the_command_that_installs_and_holds_the_pinned_version_is_told() -> None:
    with pytest.raises(MachineError, match="apt-get install libopenmpi-dev\n"):
        require_mpi({}, load=absent)
    with pytest.raises(MachineError, match=r"libopenmpi-dev=4\.1\.6-7ubuntu2 && sudo apt-mark hold libopenmpi-dev"):
        require_mpi({"MPI_VERSION_PIN": "4.1.6-7ubuntu2"}, load=absent)


def test_with_mpi_nothing_is_said() -> None:
    require_mpi({}, load=lambda name: name)


def test_a_launch_is_ready_with_an_environment_that_was_completed_and_not_with_half_of_one(tmp_path: Path) -> None:
    environment = Environment(tmp_path / ".venvs" / "cpu")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment.path], check=True)
    (pip,) = environment.path.glob("lib/python3.*/site-packages")
    (pip / "pip").mkdir()
    environment.keep({"torch": "2.13.0"})
    assert not is_ready(tmp_path)
    environment.keep({"torch": "2.13.0", "project": "key"})
    assert is_ready(tmp_path)


def test_a_broken_environment_of_the_library_is_not_ready(tmp_path: Path) -> None:
    assert not is_ready(tmp_path)
    environment = tmp_path / ".venvs" / "trt"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    (environment / RECORD).write_text(json.dumps({"torch": "2.9.1"}))
    assert not is_ready(tmp_path)
