"""What is asked for: command line, environment and record put together, before anything is looked at."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tooling.refusal import UsageError
from tooling.run.grammar import parse
from tooling.run.launch import PLACEHOLDER, Launch, decide
from tooling.run.requested import Requested


def asked(line: str, environ: dict[str, str] | None = None, recorded: Requested | None = None) -> Launch:
    return decide(parse(line.split()), environ or {}, "made-up", recorded)


@pytest.mark.parametrize(
    ("line", "environ", "target", "engine"),
    [
        ("--cpu o/c", {}, "cpu", "vllm"),
        ("--cpu --engine vllm o/c", {}, "cpu", "vllm"),
        ("--cpu --vllm o/c", {}, "vllm", "vllm"),
        ("--cpu o/c", {"INFERENCE_ENGINE": "trt"}, "cpu", "vllm"),
        ("--vllm o/c", {"INFERENCE_ENGINE": "trt"}, "vllm", "vllm"),
        ("--vllm --trt o/c", {}, "trt", "trt"),
        ("--trt --engine vllm o/c", {}, "vllm", "vllm"),
        ("o/c", {}, "trt", "trt"),
        ("o/c", {"INFERENCE_ENGINE": " vLLM "}, "vllm", "vllm"),
        ("o/c", {"INFERENCE_ENGINE": "tensorrt"}, "trt", "trt"),
        ("o/c", {"INFERENCE_ENGINE": "llama"}, "trt", "llama"),
        ("--engine scripted o/c", {}, "cpu", "scripted"),
        ("--mode tool o/t", {}, "tool", None),
        ("--cpu tool o/t", {}, "cpu", None),
    ],
)
def test_the_engine_is_the_last_one_named_else_the_environments_else_tensorrt_llm(
    line: str, environ: dict[str, str], target: str, engine: str | None
) -> None:
    launch = asked(line, environ)
    assert (launch.target, launch.environ.get("INFERENCE_ENGINE")) == (target, engine)


@pytest.mark.parametrize(
    ("line", "environ", "expected"),
    [
        ("both", {}, {"DEPLOY_MODE": "both", "CHAT_MODEL": PLACEHOLDER, "TOOL_MODEL": PLACEHOLDER}),
        ("tool", {}, {"DEPLOY_MODE": "tool"}),
        ("o/c o/t", {}, {"DEPLOY_MODE": "both", "CHAT_MODEL": "o/c", "TOOL_MODEL": "o/t"}),
        ("o/c@v1", {}, {"CHAT_MODEL": "o/c", "CHAT_REVISION": "v1"}),
        ("", {"CHAT_MODEL": "o/c@v1"}, {"CHAT_MODEL": "o/c", "CHAT_REVISION": "v1"}),
        ("--chat-model o/c@v1", {}, {"CHAT_MODEL": "o/c", "CHAT_REVISION": "v1"}),
        ("", {"CHAT_MODEL": "o/e"}, {"CHAT_MODEL": "o/e"}),
        ("o/c", {"CHAT_MODEL": "o/e"}, {"CHAT_MODEL": "o/c"}),
        ("--chat-model o/c", {"CHAT_MODEL": "o/e"}, {"CHAT_MODEL": "o/c"}),
        ("both o/c", {"TOOL_MODEL": "o/t"}, {"CHAT_MODEL": "o/c", "TOOL_MODEL": "o/t"}),
        ("", {"DEPLOY_MODE": "both"}, {"DEPLOY_MODE": "both"}),
        ("chat", {"DEPLOY_MODE": "both"}, {"DEPLOY_MODE": "chat"}),
        ("FP8 o/c", {}, {"CHAT_QUANTIZATION": "fp8"}),
        ("8bit o/c", {"CHAT_QUANTIZATION": "4bit"}, {"CHAT_QUANTIZATION": "8bit"}),
        ("o/c", {"CHAT_QUANTIZATION": "4bit"}, {"CHAT_QUANTIZATION": "4bit"}),
        ("", {"MAX_CONCURRENT_CONNECTIONS": "3"}, {"MAX_CONCURRENT_CONNECTIONS": "3"}),
        ("--max-concurrent-connections 4", {}, {"MAX_CONCURRENT_CONNECTIONS": "4"}),
        ("", {}, {"MAX_CONCURRENT_CONNECTIONS": "8", "ENFORCE_EAGER": "1", "TEXT_API_KEY": "made-up"}),
        ("", {"ENFORCE_EAGER": "0"}, {"ENFORCE_EAGER": "0"}),
        ("--vllm o/c", {}, {"ENFORCE_EAGER": None}),
        ("--trust-remote-code o/c", {}, {"CHAT_TRUST_REMOTE_CODE": "1", "TOOL_TRUST_REMOTE_CODE": None}),
        ("--trust-remote-code o/c o/t", {}, {"CHAT_TRUST_REMOTE_CODE": "1", "TOOL_TRUST_REMOTE_CODE": "1"}),
        ("--force-rebuild o/c", {}, {"FORCE_REBUILD": "1"}),
        ("", {}, {"CHAT_TEMPERATURE": "0.2", "CHAT_MAX_LEN": "8192", "CHAT_PROMPT_MAX_TOKENS": "4000"}),
        ("", {"CHAT_TEMPERATURE": "0.5"}, {"CHAT_TEMPERATURE": "0.5"}),
        ("", {"CHAT_MAX_LEN": "4096"}, {"CHAT_MAX_LEN": "4096", "CHAT_PROMPT_MAX_TOKENS": None}),
        ("--chat-max-len 4096", {}, {"CHAT_MAX_LEN": "4096", "CHAT_PROMPT_MAX_TOKENS": None}),
        ("o/c", {}, {"CHAT_TEMPERATURE": None, "CHAT_MAX_LEN": None}),
        ("tool", {}, {"CHAT_TEMPERATURE": None, "CHAT_MAX_LEN": None}),
        ("--toy", {"CHAT_MODEL": "o/e"}, {"CHAT_MODEL": PLACEHOLDER}),
    ],
)
def test_the_command_line_wins_over_the_environment_and_defaults_fill_the_rest(
    line: str, environ: dict[str, str], expected: dict[str, str | None]
) -> None:
    made = asked(line if "--vllm" in line else f"--cpu {line}", environ).environ
    assert {name: made.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "environ", "said"),
    [
        ("--vllm", {}, "mode chat (default) needs CHAT_MODEL, for example: just run-vllm chat Qwen/"),
        ("--trt both o/a", {}, "mode both (as asked) needs TOOL_MODEL, for example: just run-trt both "),
        ("--vllm o/a", {"DEPLOY_MODE": "both"}, "mode both (DEPLOY_MODE) needs TOOL_MODEL"),
        ("--trt tool o/a", {}, "--trt: mode tool (as asked) has no chat engine; leave it away: just run-tool o/a"),
        ("--vllm o/a", {"DEPLOY_MODE": "tool"}, "--vllm: mode tool (DEPLOY_MODE) has no chat engine"),
        ("tool --engine trtllm o/a", {}, "--engine trtllm: mode tool"),
        ("--vllm chat o/a o/b", {}, "just run-vllm both o/a o/b; for the first alone: just run-vllm chat o/a"),
        (
            "--cpu o/a o/b",
            {"DEPLOY_MODE": "chat"},
            "mode chat (DEPLOY_MODE) takes one model, got 2: o/a, o/b. For both",
        ),
        ("--mode tool o/a o/b", {}, "for the first alone: just run-tool o/a"),
        ("--mode tool 4bit o/a", {}, "4bit: the tool model runs in float precision"),
        ("--mode tool --push-quant o/a", {}, "--push-quant: in mode tool (as asked) nothing is quantised"),
        ("--vllm --push-engine o/a", {}, "--push-engine: vLLM has no compiled engines"),
        ("--cpu ./no-such-folder", {}, f"no directory; it is looked for in {Path.cwd()}"),
        ("--cpu /no-such-folder", {}, "'/no-such-folder' is no directory"),
        ("--cpu --toy o/a", {}, "--toy takes the place of the chat model"),
        ("--cpu --toy --chat-model o/a", {}, "--toy takes the place of the chat model"),
        ("--vllm --toy o/a", {}, "just run --toy"),
        ("--mode tool --toy", {}, "just run --toy"),
        ("--cpu", {"DEPLOY_MODE": "chatt"}, "chatt"),
    ],
)
def test_what_does_not_go_together_says_what_to_write(line: str, environ: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked(line, environ)
    assert said in str(caught.value)


def test_all_of_it_is_said_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        asked("--vllm tool 4bit --push-quant o/a o/b --toy")
    assert len(str(caught.value).splitlines()) == 5


def test_an_engine_that_tool_mode_has_no_use_for_is_ignored_with_a_note() -> None:
    assert asked("--mode tool o/t", {"INFERENCE_ENGINE": "trt"}).notes == (
        "INFERENCE_ENGINE=trt is ignored: mode tool has no chat engine",
    )


BEFORE = asked(
    "--vllm both 4bit o/c@v1 o/t --port 9000",
    {"TEXT_API_KEY": "hush-hush", "HF_TOKEN": "hf_hush", "CUDA_VISIBLE_DEVICES": "1", "FORCE_REBUILD": "1"},
).requested


def test_what_is_written_down_has_what_was_set_and_no_secret() -> None:
    assert "hush" not in repr(BEFORE)
    assert "MAX_CONCURRENT_CONNECTIONS" not in BEFORE.variables  # a default
    assert Requested.read(BEFORE.written()) == BEFORE


@pytest.mark.parametrize(
    ("line", "environ", "expected"),
    [
        ("", {}, {"DEPLOY_MODE": "both", "CHAT_MODEL": "o/c", "CHAT_REVISION": "v1", "SERVER_PORT": "9000"}),
        ("", {}, {"CHAT_QUANTIZATION": "4bit", "CUDA_VISIBLE_DEVICES": "1", "FORCE_REBUILD": None}),
        ("--chat-model o/d", {}, {"CHAT_MODEL": "o/d", "CHAT_REVISION": None, "TOOL_MODEL": "o/t"}),
        ("", {"CHAT_MODEL": "o/d"}, {"CHAT_MODEL": "o/d", "CHAT_REVISION": None}),
        ("chat o/d", {}, {"CHAT_MODEL": "o/d", "CHAT_REVISION": None, "DEPLOY_MODE": "chat"}),
        ("--tool-model o/u", {}, {"TOOL_MODEL": "o/u", "CHAT_MODEL": "o/c", "CHAT_REVISION": "v1"}),
        ("--chat-quant 8bit", {}, {"CHAT_QUANTIZATION": "8bit", "CHAT_MODEL": "o/c"}),
        ("", {"CHAT_QUANTIZATION": "none"}, {"CHAT_QUANTIZATION": "none"}),
        ("--trt", {}, {"INFERENCE_ENGINE": "trt"}),
        ("", {"INFERENCE_ENGINE": "trt"}, {"INFERENCE_ENGINE": "trt"}),
        ("--cpu", {}, {"INFERENCE_ENGINE": "vllm", "ENFORCE_EAGER": "1"}),
        ("--port 9001", {"SERVER_PORT": "9002"}, {"SERVER_PORT": "9001"}),
        ("", {"SERVER_PORT": " "}, {"SERVER_PORT": "9000"}),
        ("tool", {}, {"DEPLOY_MODE": "tool", "TOOL_MODEL": "o/t"}),
    ],
)
def test_a_restart_fills_in_what_was_asked_before(
    line: str, environ: dict[str, str], expected: dict[str, str | None]
) -> None:
    made = asked(line, environ, BEFORE).environ
    assert {name: made.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "drops"), [("--chat-model o/d", True), ("--chat-quant 8bit", True), ("--port 1", False)]
)
def test_an_engine_of_another_model_or_format_is_not_served(line: str, drops: bool) -> None:
    before = asked("--trt 4bit o/c", {"TRT_ENGINE_DIR": "/engines/one"}).requested
    assert ("TRT_ENGINE_DIR" not in asked(line, {}, before).environ) is drops


def test_a_toy_stays_a_toy_until_a_model_is_named() -> None:
    before = asked("--cpu --toy").requested
    assert asked("", {}, before).demo == ("toy",)
    assert asked("", {}, asked("--cpu").requested).demo == ("chat",)
    named = asked("--chat-model o/c", {}, before)
    assert (named.demo, named.environ["CHAT_MODEL"]) == ((), "o/c")


LIBRARIES = {
    "HF_ENDPOINT": "http://mirror:8000",
    "HF_HOME": "/big/hf",
    "HUGGINGFACE_HUB_CACHE": "/big/hub",
    "HF_TOKEN_PATH": "/run/token",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "VLLM_LOGGING_LEVEL": "DEBUG",
    "NCCL_P2P_DISABLE": "1",
    "https_proxy": "http://proxy:3128",
    "SSL_CERT_FILE": "/etc/own.pem",
}
UNRECORDED = {
    "HUGGING_FACE_HUB_TOKEN": "hf_hush",
    "VLLM_API_KEY": "hush",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=hush",
    "HTTPS_PROXY": "http://me:hush@proxy:3128",
    "VLLM_PORT": "tcp://10.43.1.2:8000",
    "VLLM_SERVICE_HOST": "10.43.1.2",
    "OMPI_COMM_WORLD_RANK": "1",
    "PATH": "/bin",
    "TMPDIR": "/scratch",
    "PYTHONPATH": "/elsewhere",
}


def test_variables_of_libraries_are_written_down_unless_they_are_secret() -> None:
    before = asked("--cpu o/c", {**LIBRARIES, **UNRECORDED}).requested
    assert set(before.variables) & {*LIBRARIES, *UNRECORDED} == set(LIBRARIES)
    assert "hush" not in repr(before.written())
    again = asked("", {"HF_ENDPOINT": "", "VLLM_LOGGING_LEVEL": "INFO"}, before).environ
    now = {name: again.get(name) for name in LIBRARIES}
    assert now == {**LIBRARIES, "HF_ENDPOINT": "", "VLLM_LOGGING_LEVEL": "INFO"}
    assert before.taken({"HF_ENDPOINT": ""}) == tuple(sorted(set(LIBRARIES) - {"HF_ENDPOINT"}))


@pytest.mark.parametrize("data", [{}, {"target": 1}, {"target": "cpu"}, {"target": "cpu", "variables": []}])
def test_a_record_that_says_nothing_is_none(data: dict[str, Any]) -> None:
    assert Requested.read(data) is None


VALUES = st.sampled_from(
    ["", " ", "chat", "both", "tool", "trt", "vllm", "o/c", "o/c@", "@", "\0", "~x", "4bit", "8000"]
)
NAMES = st.sampled_from(
    ["DEPLOY_MODE", "INFERENCE_ENGINE", "CHAT_MODEL", "TOOL_MODEL", "CHAT_QUANTIZATION", "SERVER_PORT"]
)
PLACES = ["--cpu", "--vllm", "--trt", "--engine=scripted", "chat", "both", "tool", "4bit", "o/c", "o/t@x", "--toy", "."]
FLAGS = ["--push-quant", "--push-engine", "--chat-model=o/x", "--chat-model=", "--detach", "--trust-remote-code"]
WORDS = st.lists(st.sampled_from(PLACES + FLAGS), max_size=6)


@given(WORDS, st.dictionaries(NAMES, VALUES, max_size=4), st.sampled_from([None, BEFORE]))
def test_nothing_raises_but_a_usage_error_and_no_secret_is_recorded(
    words: list[str], environ: dict[str, str], recorded: Requested | None
) -> None:
    with contextlib.suppress(UsageError):
        launch = decide(parse(words), {**environ, "HF_TOKEN": "hush"}, "made-up", recorded)
        assert launch.mode in ("chat", "both", "tool")
        assert "hush" not in repr(launch)
        assert set(launch.requested.written()["variables"]) & {"HF_TOKEN", "TEXT_API_KEY"} == set()
