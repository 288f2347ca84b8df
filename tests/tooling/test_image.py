"""`just image-vllm`, `just image-trt`: a stand-in for Docker's program tells how it is called, nothing is built."""

import json
import re
from pathlib import Path

import pytest

from tooling.image import ARGUMENTS, ROOT, run

LABEL = "sm90_trt-llm-1.2.1_cuda13.1"
DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
[ "$1 $2" = "$FAILS" ] && { echo "it says why" >&2; exit 7; }
exit 0
"""


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """An environment whose only program is the stand-in."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER, encoding="utf-8")
    docker.chmod(0o755)
    return {"PATH": str(docker.parent), "CALLS": str(tmp_path / "calls"), "FAILS": ""}


def calls(place: dict[str, str]) -> list[str]:
    path = Path(place["CALLS"])
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_an_image_is_built_and_loaded_and_never_pushed(place: dict[str, str]) -> None:
    assert run(["vllm", "--chat-model", "org/name", "--mode", "chat"], place) == 0
    assert calls(place)[-1] == (
        "buildx build --load --file Dockerfile.vllm --tag yap-vllm --build-arg CHAT_MODEL=org/name"
        " --build-arg DEPLOY_MODE=chat ."
    )
    assert not any("push" in call for call in calls(place))


def test_a_token_goes_to_the_builder_by_name(place: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["trt"], {**place, "HF_TOKEN": "hf_marked"}) == 0
    assert "--secret id=hf_token,env=HF_TOKEN" in calls(place)[-1]
    assert "hf_marked" not in "\n".join([*calls(place), *capfd.readouterr()])


def test_a_plan_asks_nobody(place: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    words = ["trt", "--chat-model", "a/b", "--engine-label", LABEL, "--tag", "two words", "--plan"]
    assert run(words, place) == 0
    assert (
        f"--tag 'two words' --build-arg CHAT_MODEL=a/b --build-arg TRT_ENGINE_LABEL={LABEL} ." in capfd.readouterr()[0]
    )
    assert run([*words, "--json"], {}) == 0
    assert json.loads(capfd.readouterr()[0])["command"][-1] == "."
    assert calls(place) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["vllm", "--engine-label", LABEL], "--engine-label is TensorRT-LLM's"),
        (["trt", "--chat-model", "a/b"], "--chat-model needs --engine-label"),
        (["trt", "--engine-repo", "a/b"], "need --chat-model"),
        (["vllm", "--base-image", "vllm/vllm-openai@sha256:12ab"], "has no digest of 64 hexadecimal digits"),
        (["vllm", "--base-image", f"@sha256:{'0' * 64}"], "has no digest of 64 hexadecimal digits"),
        (["vllm", "--base-image", f"a/b@sha512:{'0' * 64}"], "has no digest of 64 hexadecimal digits"),
    ],
)
def test_what_does_not_go_together_is_refused(
    words: list[str], told: str, place: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(words, place) == 2
    assert told in capfd.readouterr()[1]
    assert calls(place) == []


@pytest.mark.parametrize(
    ("fails", "code", "told"),
    [
        ("buildx version", 3, "install its buildx plugin"),
        ("version --format", 3, "start its daemon"),
        ("buildx build", 1, "the build failed (7)"),
    ],
)
def test_what_docker_lacks_is_told(
    fails: str, code: int, told: str, place: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["vllm"], {**place, "FAILS": fails}) == code
    assert told in capfd.readouterr()[1]


@pytest.mark.parametrize("engine", ["vllm", "trt"])
def test_a_base_that_may_change_is_told_with_what_holds_it(
    engine: str, place: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run([engine, "--plan"], place) == 0
    found = re.search(r"^ARG BASE_IMAGE=(\S+)", (ROOT / f"Dockerfile.{engine}").read_text("utf-8"), re.MULTILINE)
    assert found is not None
    assert f"image: the base {found[1]} is a tag" in capfd.readouterr()[1]
    pinned = f"{found[1]}@sha256:{'0123456789abcdef' * 4}"
    assert run([engine, "--base-image", pinned], place) == 0
    assert "is a tag" not in capfd.readouterr()[1]
    assert f"--build-arg BASE_IMAGE={pinned} ." in calls(place)[-1]
    assert run([engine, "--base-image", "elsewhere/base:1", "--plan"], place) == 0
    assert "image: the base elsewhere/base:1 is a tag" in capfd.readouterr()[1]


def test_no_docker_at_all(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["vllm"], {"PATH": str(tmp_path)}) == 3
    assert "docker is not on PATH" in capfd.readouterr()[1]


@pytest.mark.parametrize("engine", ["vllm", "trt"])
def test_every_build_argument_is_one_of_the_dockerfile(engine: str) -> None:
    text = (ROOT / f"Dockerfile.{engine}").read_text(encoding="utf-8")
    known = set(re.findall(r"^ARG (\w+)", text, re.MULTILINE))
    assert known == {name for name, alone in ARGUMENTS.values() if alone in (None, engine)}
