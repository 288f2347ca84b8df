"""The words after `just run`."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.refusal import UsageError
from tooling.run.grammar import Command, parse

WORDS = [
    "chat",
    "both",
    "TOOL",
    "awq",
    "fp8",
    "org/model",
    "org/model@main",
    "--cpu",
    "--vllm",
    "--trt",
    "--plan",
    "--toy",
    "--port",
]
WORDS += ["9000", "--host=::1", "--json", "--mode", "nonsense", "--engine", "vllm", "-h", "--", "--env-file", ""]
WORDS += [
    "--detach",
    "--follow",
    "--push-quant",
    "--push-engine",
    "--force-rebuild",
    "--engine=trtllm",
    "\0",
    "~nobody",
]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ("--cpu", {"cpu": True}),
        ("--cpu --vllm", {"cpu": True, "engine": "vllm", "engine_word": "--vllm"}),
        ("--trt", {"engine": "trt", "engine_word": "--trt"}),
        ("--trt --vllm", {"engine": "vllm", "engine_word": "--vllm"}),
        ("--vllm --engine TensorRT", {"engine": "trt", "engine_word": "--engine tensorrt"}),
        ("--inference-engine=trtllm", {"engine": "trt", "engine_word": "--inference-engine trtllm"}),
        ("--engine llama", {"flags": {"--engine": "llama"}}),
        ("both", {"mode": "both"}),
        ("--mode tool", {"mode": "tool"}),
        ("BOTH AWQ", {"mode": "both", "quantisation": "awq"}),
        ("--quant fp8", {"quantisation": "fp8"}),
        ("o/chat o/tool", {"models": ("o/chat", "o/tool")}),
        ("4bit o/chat chat", {"mode": "chat", "quantisation": "4bit", "models": ("o/chat",)}),
        ("--port 9000 o/m --host ::1", {"models": ("o/m",), "flags": {"--port": "9000", "--host": "::1"}}),
        ("--port=9000", {"flags": {"--port": "9000"}}),
        ("--chat-max-out 20", {"flags": {"--chat-max-out": "20"}}),
        ("--engine scripted", {"engine": "scripted", "engine_word": "--engine scripted"}),
        ("--chat-quant 4BIT", {"quantisation": "4bit"}),
        ("--detach --follow", {"detach": True, "follow": True}),
        ("--push-quant", {"push_quant": True}),
        ("--push-engine", {"push_engine": True}),
        ("--force-rebuild", {"flags": {"--force-rebuild": "1"}}),
        ("--log-file x.log --ready-timeout 5", {"flags": {"--log-file": "x.log", "--ready-timeout": "5"}}),
        ("--mode chatt", {"flags": {"--mode": "chatt"}}),
        ("--env-file=x.env", {"env_file": Path("x.env")}),
        ("--env-file x.env", {"env_file": Path("x.env")}),
        ("--trust-remote-code --plan --json", {"trust_remote_code": True, "plan": True, "as_json": True}),
        ("--toy", {"toy": True}),
        ("-h", {"help": True}),
        ("./chat", {"models": ("./chat",)}),
    ],
)
def test_a_command_line_means_this(line: str, expected: dict[str, Any]) -> None:
    assert parse(line.split()) == Command(**expected)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("o/a o/b o/c", "at most two models"),
        ("--detached", "unknown flag '--detached' (did you mean '--detach'?)"),
        ("--follow", "--detach --follow"),
        ("--json", "--plan --json"),
        ("--push-quant --push-engine", "exclude each other"),
        ("--port", "--port"),
        ("--env-file", "needs a path"),
        ("caht", "did you mean 'chat'"),
        ("gpt2", "neither a keyword, a model id (org/name) nor a directory"),
        ("chat both", "two values for the mode"),
        ("awq fp8", "two values for the quantisation"),
    ],
)
def test_a_command_line_that_makes_no_sense_says_what_to_write(line: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line.split())
    assert said in str(caught.value)


def test_a_directory_named_like_a_model_is_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse(["mine"]).models == ("mine",)


@given(st.lists(st.sampled_from(WORDS), max_size=6))
def test_no_command_line_raises_anything_but_a_usage_error(words: list[str]) -> None:
    with contextlib.suppress(UsageError):
        parse(words)


GROUPS = (["both"], ["awq"], ["o/chat"], ["--plan"], ["--port", "1"], ["--engine", "vllm"], ["--cpu"], ["--detach"])


@given(st.permutations(GROUPS))
def test_the_order_of_the_words_never_matters(groups: list[list[str]]) -> None:
    assert parse([word for group in groups for word in group]) == parse([word for group in GROUPS for word in group])


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        parse(["--nope", "caht", "o/a", "o/b", "o/c", "--push-quant", "--push-engine", "--json"])
    said = str(caught.value).splitlines()
    assert len(said) == 5
    assert said[0].startswith("unknown flag '--nope'")


def test_help_is_given_whatever_else_is_wrong() -> None:
    assert parse(["--nope", "-h"]).help
