"""The words of `just quantize-trt` and `just build-trt`, their plans, and what they end with."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tooling.trt.machine import write_model
from tooling.refusal import UsageError
from tooling.trt.command import run
from tooling.trt.deciding import Purpose
from tooling.trt.grammar import USAGE, parse

WORDS = ["4bit", "org/model@main", "--plan", "--json", "--trust-remote-code", "--force-rebuild", "--chat-max-out=90"]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A machine without anything. No GPU is looked for."""
    return {"YAP_HOME": str(tmp_path / "home"), "HOME": str(tmp_path), "PATH": "/bin", "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(write_model(tmp_path / "mine"))


@given(st.permutations(WORDS))
def test_the_order_of_the_words_never_matters(words: list[str]) -> None:
    command = parse(["build", *words])
    assert (command.purpose, command.quantisation, command.model) == (Purpose.BUILD, "4bit", "org/model@main")
    assert (command.plan, command.as_json, command.trust_remote_code) == (True, True, True)
    assert command.flags == {"--force-rebuild": "1", "--chat-max-out": "90"}


@given(st.lists(st.sampled_from([*WORDS, "8bit", "-h", "--env-file", "", "--x", "a b", "--", "quantize"]) | st.text()))
def test_no_words_are_a_traceback(words: list[str]) -> None:
    try:
        parse(words)
    except UsageError as told:
        message = str(told)
        assert message


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say quantize or build"),
        (["make"], "'make' is neither quantize nor build"),
        (["build", "4bit", "8bit", "org/m"], "two values for the quantisation: '4bit' and '8bit'"),
        (["build", "org/a", "org/b"], "one model is made at a time, got org/a and org/b"),
        (
            ["build", "4bti", "org/a"],
            "'4bti' is neither a quantisation, a model id (org/name) nor a directory (did you mean",
        ),
        (["build", "--json", "--push", "org/a"], "unknown flag '--push'"),
        (["build", "--json", "org/a"], "--plan --json"),
        (["build", "org/a", "--env-file"], "--env-file needs a path"),
        (["build", "4bit"], "which model? for example: just build-trt 4bit"),
        (["quantize", "4bit"], "which model? for example: just quantize-trt 4bit"),
    ],
)
def test_words_that_make_no_sense(
    words: list[str], said: str, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words, environ) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["-h"], ["build", "--help"], ["quantize", "nonsense", "-h", "--x"]])
def test_help_is_always_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words, {}) == 0
    assert capsys.readouterr().out == USAGE + "\n"


def test_a_plan_needs_nothing_and_leaves_nothing(
    model: str, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["build", "4bit", model, "--trt-max-batch-size", "16", "--plan"], environ) == 0
    told = capsys.readouterr().out
    assert "checkpoint  quantising" in told
    assert "--max_batch_size 16 --max_input_len 5025" in told
    assert "planned for sm90" in told
    assert not (Path(environ["YAP_HOME"])).exists()


def test_a_plan_without_a_size_says_what_it_lacks(
    model: str, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["build", "4bit", model, "--plan"], environ) == 0
    told = capsys.readouterr().out
    assert "It would be refused:\n  TRT_MAX_BATCH_SIZE is not set" in told
    assert "trtllm-build" not in told
    assert run(["build", "4bit", model], environ) == 3


def test_a_plan_for_machines_has_keys_and_commands_and_no_secrets(
    model: str, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"HF_TOKEN": "hf_very_secret", "TRT_MAX_BATCH_SIZE": "16", "GPU_SM_ARCH": "8.9"}
    assert run(["build", "8bit", model, "--plan", "--json"], environ | given) == 0
    told = capsys.readouterr().out
    plan = json.loads(told)
    assert "hf_very_secret" not in told
    assert [step["name"] for step in plan["steps"]] == ["checkpoint", "engine"]
    assert plan["steps"][0]["recipe"]["qformat"] == "fp8"
    assert plan["steps"][0]["secrets"] == ["HF_TOKEN"]
    assert plan["steps"][1]["command"][0] == "trtllm-build"
    assert plan["environment"] == {"TRT_ENGINE_DIR": plan["engine_dir"]}
    assert (plan["sm"], plan["label"]) == ("sm89", "sm89_trt-llm-?_cuda?")


def test_without_a_gpu_and_the_library_everything_is_told_at_once(
    model: str, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["build", "4bit", model], environ) == 3
    told = capsys.readouterr().err
    for said in ("TensorRT-LLM is not installed", "TRT_MAX_BATCH_SIZE is not set", "made on an NVIDIA GPU"):
        assert said in told


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"CHAT_QUANTIZATION": "3bit"}, "CHAT_QUANTIZATION"),
        ({"QUANTIZATION": "fp8", "CHAT_QUANTIZATION": "int8_sq"}, "contradicts"),
        ({"YAP_HOME": "/"}, "YAP_HOME=/ is a root"),
        ({"CHAT_MODEL": "./gone"}, "./gone"),
    ],
)
def test_settings_that_cannot_be_used(
    given: dict[str, str],
    said: str,
    model: str,
    environ: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["build"], environ | {"CHAT_MODEL": model} | given) == 3
    assert said in capsys.readouterr().err
