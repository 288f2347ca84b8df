"""The image as far as its files tell: nothing here builds or runs it."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = (ROOT / "Dockerfile.trt").read_text(encoding="utf-8")
IGNORED = (ROOT / "Dockerfile.trt.dockerignore").read_text(encoding="utf-8").splitlines()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Brought by the base image in the versions that the engine needs.
OF_THE_BASE = {"transformers", "tokenizers"}


def _instructions() -> list[str]:
    lines = [line for line in DOCKERFILE.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()


def _of(name: str) -> list[str]:
    return [line.removeprefix(f"{name} ") for line in _instructions() if line.startswith(f"{name} ")]


def _copied() -> list[str]:
    return [source for line in _of("COPY") if "--from" not in line for source in shlex.split(line)[:-1]]


def _lock(name: str) -> dict[str, str]:
    lines = (ROOT / "tooling" / "locks" / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return found.group().lower()


def test_the_base_is_the_release_that_the_project_pins() -> None:
    pinned = dict(requirement.split("==") for requirement in PROJECT["optional-dependencies"]["trt"])
    assert f"BASE_IMAGE=nvcr.io/nvidia/tensorrt-llm/release:{pinned['tensorrt-llm']}" in _of("ARG")
    assert [line.split()[0] for line in _of("FROM")] == ["${BASE_IMAGE}"] * 2


@pytest.mark.parametrize("source", _copied())
def test_every_path_that_is_copied_exists_and_reaches_the_builder(source: str) -> None:
    assert (ROOT / source).exists()
    assert f"!{source.split('/', maxsplit=1)[0]}" in IGNORED


def test_nothing_reaches_the_builder_that_is_not_copied() -> None:
    assert next(line for line in IGNORED if not line.startswith("#")) == "**"
    allowed = {line[1:] for line in IGNORED if line.startswith("!")}
    assert allowed == {source.split("/")[0] for source in _copied()}
    assert not (ROOT / ".dockerignore").exists()


def test_the_image_adds_every_dependency_that_the_base_lacks_in_the_locked_version() -> None:
    image, cpu = _lock("image.txt"), _lock("cpu.txt")
    assert {_name(each) for each in PROJECT["dependencies"]} - OF_THE_BASE <= image.keys()
    assert {name: cpu.get(name) for name in image} == image
    assert not image.keys() & {"torch", "transformers", "tokenizers", "numpy", "tensorrt-llm"}


def test_the_build_tool_has_the_locked_version() -> None:
    assert f"hatchling=={_lock('cpu.txt')['hatchling']} " in DOCKERFILE


def test_processes_are_started_without_a_shell_and_signals_reach_the_server() -> None:
    assert _of("ENTRYPOINT") == ['["tini", "--", "python3", "-m", "runtime"]']
    (check,) = _of("HEALTHCHECK")
    module = re.findall(r'"-m", "([\w.]+)"', check)
    assert module == ["tooling.probe"]
    assert (ROOT / "tooling" / "probe.py").is_file()
    assert _of("USER") == ["10001:10001"]


def test_no_program_hides_in_the_dockerfile() -> None:
    assert not re.search(r"python3? -c|<<", DOCKERFILE)


def test_no_token_can_stay_in_a_layer() -> None:
    assert not re.search(r"^(ARG|ENV).*(TOKEN|KEY)", DOCKERFILE, re.MULTILINE)
    assert "--mount=type=secret,id=hf_token,env=HF_TOKEN" in DOCKERFILE
