"""The words after `just run`."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.run.grammar import Command, UsageError, parse

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


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ("--cpu", {"target": "cpu"}),
        ("--cpu --vllm", {"target": "vllm"}),
        ("--trt", {"target": "trt"}),
        ("both", {"mode": "both"}),
        ("--mode tool", {"mode": "tool"}),
        ("BOTH AWQ", {"mode": "both", "quantisation": "awq"}),
        ("--quant fp8", {"quantisation": "fp8"}),
        ("o/chat o/tool", {"models": ("o/chat", "o/tool")}),
        ("4bit o/chat chat", {"mode": "chat", "quantisation": "4bit", "models": ("o/chat",)}),
        ("--port 9000 o/m --host ::1", {"models": ("o/m",), "flags": {"--port": "9000", "--host": "::1"}}),
        ("--port=9000", {"flags": {"--port": "9000"}}),
        ("--chat-max-out 20", {"flags": {"--chat-max-out": "20"}}),
        ("--engine scripted", {"flags": {"--engine": "scripted"}}),
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
        ("--detached", "unknown flag '--detached'"),
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


@given(st.permutations(["both", "awq", "o/chat", "--plan", "--port=1"]))
def test_the_order_of_the_words_never_matters(words: list[str]) -> None:
    assert parse(words) == parse(["both", "awq", "o/chat", "--plan", "--port=1"])
