"""`just run-vllm`: three modes, host and port, the environment instead of words, and a machine without a GPU."""

from pathlib import Path

import pytest

from tooling.refusal import Refusal
from tooling.run.grammar import parse
from tooling.run.launch import check, decide
from tooling.run.machine import require_gpu

BIND = {"SERVER_BIND_HOST": "127.0.0.1", "SERVER_PORT": "9000"}


@pytest.mark.parametrize(
    ("line", "environ", "expected"),
    [
        ("org/c", {}, {"DEPLOY_MODE": "chat", "CHAT_MODEL": "org/c"}),
        ("chat org/c", {}, {"DEPLOY_MODE": "chat", "CHAT_MODEL": "org/c"}),
        ("org/c org/t", {}, {"DEPLOY_MODE": "both", "CHAT_MODEL": "org/c", "TOOL_MODEL": "org/t"}),
        ("both org/c org/t", {}, {"DEPLOY_MODE": "both", "CHAT_MODEL": "org/c", "TOOL_MODEL": "org/t"}),
        ("", {"DEPLOY_MODE": "both", "CHAT_MODEL": "o/c", "TOOL_MODEL": "o/t"}, {"TOOL_MODEL": "o/t"}),
        ("org/c --host 127.0.0.1 --port 9000", {}, BIND),
        ("org/c", BIND, BIND),
        ("org/c --chat-tensor-parallel 2", {"CHAT_DATA_PARALLEL": "2"}, {"CHAT_TENSOR_PARALLEL": "2"}),
    ],
)
def test_words_and_environment_say_the_same(line: str, environ: dict[str, str], expected: dict[str, str]) -> None:
    launch = decide(parse(["--vllm", *line.split()]), environ, "a-key")
    assert {name: launch.environ.get(name) for name in expected} == expected
    assert launch.environ["INFERENCE_ENGINE"] == "vllm"
    check(launch)


def test_the_gpus_shares_follow_the_mode() -> None:
    both = check(decide(parse(["--vllm", "org/c", "org/t"]), {}, "a-key"))
    alone = check(decide(parse(["--vllm", "org/c"]), {}, "a-key"))
    assert (both.engine.gpu_frac, both.tools.gpu_frac, alone.engine.gpu_frac) == (0.70, 0.20, 0.90)


def test_without_a_gpu_it_is_refused_and_pointed_at_the_cpu(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="without one: just run") as refused:
        require_gpu(tmp_path / "nvidiactl")
    assert refused.value.exit_code == 3
