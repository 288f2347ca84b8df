"""The images as far as their files tell: nothing here builds or runs them."""

import re
import shlex
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from attrs import field, frozen

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Brought by every base in the versions that its engine needs.
OF_THE_BASE = {"numpy", "transformers", "tokenizers"}


@frozen
class Image:
    """One Dockerfile. `base`: the vendor image less its version, which is that of `package` in pyproject."""

    name: str
    base: str
    package: str
    text: str = field(init=False, repr=False)
    ignored: list[str] = field(init=False, repr=False)

    @text.default
    def _read(self) -> str:
        return (ROOT / self.name).read_text(encoding="utf-8")

    @ignored.default
    def _read_ignored(self) -> list[str]:
        return (ROOT / f"{self.name}.dockerignore").read_text(encoding="utf-8").splitlines()

    def of(self, instruction: str) -> list[str]:
        """The arguments of every instruction of this kind, continued lines as one."""
        lines = [line for line in self.text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        whole = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
        return [line.removeprefix(f"{instruction} ") for line in whole if line.startswith(f"{instruction} ")]

    def copied(self) -> list[str]:
        """What is copied from the repository."""
        return [source for line in self.of("COPY") if "--from" not in line for source in shlex.split(line)[:-1]]

    @property
    def extra(self) -> str:
        """The name of the dependency group of its engine."""
        return self.name.rpartition(".")[2]


IMAGES = [
    Image("Dockerfile.vllm", "vllm/vllm-openai:v", "vllm"),
    Image("Dockerfile.trt", "nvcr.io/nvidia/tensorrt-llm/release:", "tensorrt-llm"),
]
every_image = pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.extra)


def _lock(name: str) -> dict[str, str]:
    lines = (ROOT / "tooling" / "locks" / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return found.group().lower()


@every_image
def test_the_base_is_the_release_that_the_project_pins(image: Image) -> None:
    pinned = dict(requirement.split("==") for requirement in PROJECT["optional-dependencies"][image.extra])
    assert f"BASE_IMAGE={image.base}{pinned[image.package]}" in image.of("ARG")
    assert image.of("FROM") == ["${BASE_IMAGE} AS wheel", "${BASE_IMAGE} AS server", "server AS checked", "server"]


@pytest.mark.parametrize(
    ("image", "source"),
    [(image, source) for image in IMAGES for source in image.copied()],
    ids=lambda value: value.extra if isinstance(value, Image) else value,
)
def test_every_path_that_is_copied_exists_and_reaches_the_builder(image: Image, source: str) -> None:
    assert (ROOT / source).exists()
    assert f"!{source.split('/', maxsplit=1)[0]}" in image.ignored


@every_image
def test_nothing_reaches_the_builder_that_is_not_copied(image: Image) -> None:
    allowed = {line[1:] for line in image.ignored if line.startswith("!")}
    assert allowed == {source.split("/")[0] for source in image.copied()}


def test_the_images_add_every_dependency_that_a_base_lacks_in_the_locked_version() -> None:
    image, cpu = _lock("image.txt"), _lock("cpu.txt")
    assert {_name(each) for each in PROJECT["dependencies"]} - OF_THE_BASE <= image.keys()
    assert {name: cpu.get(name) for name in image} == image
    assert not image.keys() & {"torch", "transformers", "tokenizers", "numpy", "vllm", "tensorrt-llm"}


def test_what_the_images_add_are_the_versions_that_are_locked_beside_the_same_engine() -> None:
    """A base brings its engine; the lock of `just setup vllm` was resolved around the same release of it."""
    image, vllm = _lock("image.txt"), _lock("vllm.txt")
    (pinned,) = [each.split("==")[1] for each in PROJECT["optional-dependencies"]["vllm"] if each.startswith("vllm==")]
    assert vllm["vllm"] == pinned
    assert {name: vllm.get(name) for name in image} == image


@every_image
def test_the_build_tool_has_the_locked_version(image: Image) -> None:
    assert f"hatchling=={_lock('cpu.txt')['hatchling']} " in image.text


@every_image
def test_what_the_base_has_is_a_constraint_on_what_is_added(image: Image) -> None:
    (install,) = [line for line in image.of("RUN") if "/wheels/*.whl" in line]
    assert "pip list --format=freeze --exclude pip > /tmp/base.txt" in install
    assert "--constraint /tmp/base.txt" in install


@every_image
def test_no_image_is_made_that_was_not_held_to_the_contract_and_diagnosed(image: Image) -> None:
    """The last stage takes a file of the one that checks, so a builder cannot leave that one out."""
    checked, last = image.text.partition("FROM server AS checked\n")[2].split("FROM server\n")
    tests = f"tests/engines/{image.extra}/test_arguments.py"
    assert (ROOT / tests).is_file()
    assert f"PYTHONPATH=/tools python3 -m pytest -p no:cacheprovider {tests}\n" in checked
    assert f"python3 -m tooling.doctor --engine {image.extra} --no-gpu --json > diagnosis.json ||" in checked
    assert [line for line in last.splitlines() if line] == [
        "COPY --from=checked /check/diagnosis.json /opt/yap/diagnosis.json"
    ]
    assert "USER 10001:10001" in image.text.partition("FROM server AS checked")[0]


@every_image
def test_the_tools_of_that_stage_are_locked_and_all_that_its_tests_need(image: Image) -> None:
    """The line that picks them, in a shell; then each distribution's own list of what it needs."""
    (pick,) = re.findall(r"RUN (grep -hE '\S+' cpu\.txt dev\.txt)", image.text.replace("\\\n", ""))
    locks = ROOT / "tooling" / "locks"
    done = subprocess.run(["/bin/sh", "-c", pick], cwd=locks, capture_output=True, text=True, check=True)
    picked = dict(line.split("==") for line in done.stdout.splitlines())
    assert picked == {name: (_lock("dev.txt") | _lock("cpu.txt"))[name] for name in picked}
    needed = {
        _name(each)
        for name in ("pytest", "pytest-trio", "hypothesis")
        for each in metadata.requires(name) or ()
        if "extra ==" not in each and "python_version" not in each and "sys_platform" not in each
    }
    there = picked.keys() | _lock("image.txt").keys()
    assert needed - {"attrs"} <= there
    assert {"pytest", "pytest-trio", "hypothesis"} <= picked.keys()


@every_image
def test_the_user_has_a_name(image: Image) -> None:
    (setup,) = [line for line in image.of("RUN") if "useradd" in line]
    assert "groupadd --gid 10001 yap" in setup
    assert "useradd --uid 10001 --gid 10001" in setup


@every_image
def test_the_server_runs_as_nobody_special_without_a_shell_and_gets_the_signals(image: Image) -> None:
    assert image.of("ENTRYPOINT") == ['["tini", "--", "python3", "-m", "runtime"]']
    # The stage that checks is root, to install its tools; nothing is built on it.
    assert image.of("USER") == ["10001:10001", "0"]
    assert (
        image.text.index("\nUSER 10001:10001\n")
        < image.text.index("FROM server AS checked")
        < image.text.index("\nUSER 0\n")
    )
    assert not [line for line in image.of("FROM") if line.startswith("checked")]
    assert image.of("CMD") == []


@every_image
def test_the_health_check_asks_a_route_that_there_is_and_waits_for_a_slow_start(image: Image) -> None:
    (check,) = image.of("HEALTHCHECK")
    module, *path = re.findall(r'"([\w./]+)"', check.partition("-m")[2])
    assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
    assert path in ([], ["/readyz"])
    (patience,) = re.findall(r"--start-period=(\d+)s", check)
    assert int(patience) >= (1800 if path else 120)


@every_image
def test_no_token_can_stay_in_a_layer(image: Image) -> None:
    assert not re.search(r"^(ARG|ENV).*(TOKEN|KEY)", image.text, re.MULTILINE)
    assert "--mount=type=secret,id=hf_token,env=HF_TOKEN" in image.text


HF = """#!/bin/sh
echo "$@" >> "$CALLS"
while [ $# -gt 0 ]; do case "$1" in --local-dir) place=$2;; trt-llm/engines/*) folder=${1%/*};; esac; shift; done
mkdir -p "$place"; echo {} > "$place/config.json"
[ "$folder" = "trt-llm/engines/$KNOWN" ] || exit 0
mkdir -p "$place/$folder"; echo {} > "$place/$folder/build_metadata.json"
"""
KNOWN = "sm90_trt-llm-1.2.1_cuda13.1"


@pytest.mark.parametrize(
    ("given", "status", "made", "said"),
    [
        ({}, 0, set(), ""),
        ({"CHAT_MODEL": "org/model", "TRT_ENGINE_LABEL": KNOWN}, 0, {"models/chat", "engines/chat"}, ""),
        (
            {
                "CHAT_MODEL": "org/model",
                "TRT_ENGINE_LABEL": KNOWN,
                "TRT_ENGINE_REPO": "org/engines",
                "TOOL_MODEL": "org/t",
            },
            0,
            {"models/chat", "engines/chat", "models/tool"},
            "",
        ),
        ({"CHAT_MODEL": "org/model"}, 3, set(), "CHAT_MODEL needs TRT_ENGINE_LABEL"),
        ({"TRT_ENGINE_LABEL": KNOWN}, 3, set(), "need CHAT_MODEL"),
        ({"TRT_ENGINE_REPO": "org/engines"}, 3, set(), "need CHAT_MODEL"),
        ({"CHAT_MODEL": "org/model", "TRT_ENGINE_LABEL": "sm80"}, 3, {"models/chat"}, "org/model has no engine sm80"),
    ],
)
def test_the_trt_image_bakes_the_engine_of_a_label_or_says_why_not(
    given: dict[str, str], status: int, made: set[str], said: str, tmp_path: Path
) -> None:
    """The lines of the file in a shell, with a stand-in of the hub's command that knows one label."""
    (line,) = [line for line in IMAGES[1].of("RUN") if "hf download" in line]
    script = re.sub(r"--mount=\S+\s+", "", line)
    for place in ("/opt", "/tmp/engine", "/root"):
        script = script.replace(place, f"{tmp_path}{place}")
    (tmp_path / "hf").write_text(HF)
    (tmp_path / "hf").chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": f"{tmp_path}/calls", "KNOWN": KNOWN}
    done = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", script], env=environ | given, capture_output=True, text=True, check=False
    )
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    found = {path.relative_to(tmp_path / "opt").as_posix() for path in tmp_path.glob("opt/*/*")}
    assert found == made
    calls = (tmp_path / "calls").read_text() if made else ""
    assert ("download org/engines --include trt-llm/engines/" in calls) == ("TRT_ENGINE_REPO" in given and status == 0)
    assert (tmp_path / "opt/engines/chat/build_metadata.json").exists() == ("engines/chat" in made)
    assert not (tmp_path / "tmp/engine").exists() or status


def test_the_trt_image_has_a_build_argument_for_all_that_can_be_baked() -> None:
    names = {line.split("=")[0] for line in IMAGES[1].of("ARG")}
    assert names >= {"CHAT_MODEL", "TOOL_MODEL", "DEPLOY_MODE", "TRT_ENGINE_REPO", "TRT_ENGINE_LABEL"}
    (environment,) = IMAGES[1].of("ENV")
    assert "TRT_ENGINE_DIR=${CHAT_MODEL:+/opt/engines/chat}" in environment
