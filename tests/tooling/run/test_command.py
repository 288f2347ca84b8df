"""From the command line to the moment the server takes over."""

import json
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tooling.run.hands import Hands, Served
from tooling.cache import require_home
from tooling.refusal import Refusal
from tooling.run.command import run
from tooling.run.machine import require_gpu, require_trt


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text("{}")
    (made / "tokenizer.json").write_text("{}")
    return made


def free_port() -> int:
    """A port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launched(checkpoint: Path, line: str, kind: str = "chat", **environ: str) -> Served:
    hands = Hands((kind, checkpoint), ("tool", checkpoint))
    words = ["--cpu", "--host", "127.0.0.1", "--port", str(free_port()), *line.split()]
    surroundings = {"YAP_HOME": str(checkpoint.parent / "home"), **environ}
    assert run(words, surroundings, hands.ways) == 0
    return hands.served[0]


def test_without_words_the_demo_model_is_served_with_a_made_up_key(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served = launched(checkpoint, "")
    environ = served.environ
    key = environ["TEXT_API_KEY"]
    assert (environ["DEPLOY_MODE"], environ["INFERENCE_ENGINE"]) == ("chat", "vllm")
    assert environ["CHAT_MODEL"] == str(checkpoint)
    assert len(key) >= 32
    assert list(served.command[1:]) == ["-m", "runtime"]
    out = capsys.readouterr().out
    assert f"TEXT_API_KEY={key} just live" in out
    assert f"ws://127.0.0.1:{environ['SERVER_PORT']}/ws" in out


def test_a_demo_is_announced_as_what_it_is(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    launched(checkpoint, "")
    assert "chat     SmolLM2-135M-Instruct\n" in capsys.readouterr().out
    launched(checkpoint, "--toy", kind="toy")
    assert "chat     a toy, whose words mean nothing\n" in capsys.readouterr().out


def test_a_toy_that_came_in_the_place_of_the_real_model_is_served(checkpoint: Path) -> None:
    served = launched(checkpoint, "", kind="toy")
    assert served.environ["CHAT_MODEL"] == str(checkpoint)


def test_a_given_key_is_never_shown_and_never_in_an_argument(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served = launched(checkpoint, "", TEXT_API_KEY="hush-hush")
    said = capsys.readouterr()
    assert served.environ["TEXT_API_KEY"] == "hush-hush"
    assert "hush" not in said.out + said.err + " ".join(served.command)


def test_two_runs_make_up_two_keys(checkpoint: Path) -> None:
    first, second = (launched(checkpoint, "").environ["TEXT_API_KEY"] for _ in range(2))
    assert first != second


def refused(line: str, **environ: str) -> int:
    hands = Hands()
    code = run(line.split(), {"HF_HUB_OFFLINE": "1", **environ}, hands.ways)
    assert not hands.served
    assert not hands.became
    return code


@pytest.mark.parametrize(
    ("line", "environ", "code", "said"),
    [
        ("--cpu --nope", {}, 2, "unknown flag"),
        ("--vllm", {}, 2, "just run-vllm chat"),
        ("--trt --plan", {}, 2, "just run-trt chat"),
        ("--trt both o/a --plan", {}, 2, "just run-trt both"),
        ("--trt tool o/a", {}, 2, "just run-tool o/a"),
        ("--trt o/a --plan", {"DEPLOY_MODE": "tool"}, 2, "just run-tool o/a"),
        ("--cpu chat o/a o/b", {}, 2, "just run both o/a o/b"),
        ("--cpu ./no-such-folder", {}, 2, "no directory"),
        ("--cpu --toy o/a", {}, 2, "--toy takes the place of the chat model"),
        ("--cpu --toy --chat-model o/a", {}, 2, "--toy takes the place of the chat model"),
        ("--vllm --toy o/a", {}, 2, "just run --toy"),
        ("--mode tool --toy", {}, 2, "just run --toy"),
        ("--cpu", {"DEPLOY_MODE": "chatt"}, 2, "chatt"),
        ("--cpu --port abc", {"CHAT_MAX_LENN": "1"}, 3, "CHAT_MAX_LENN"),
        ("--cpu --env-file no-such.env", {}, 3, "no-such.env"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_made(
    line: str, environ: dict[str, str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(line, **environ) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("line", ["--trt o/c", "--trt both o/c o/t", "--trt --port abc o/c"])
def test_without_tensorrt_llm_one_sentence_says_what_to_install_and_from_where(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(line) == 3
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "TensorRT-LLM is not installed" in sentence
    assert "just setup trt" in sentence
    assert "NVIDIA's index, https://pypi.nvidia.com" in sentence


def test_where_tensorrt_llm_is_installed_its_absence_is_not_complained_about() -> None:
    require_trt(lambda package: package == "tensorrt_llm")


def test_a_plan_for_tensorrt_llm_needs_neither_the_library_nor_a_gpu(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(f"--trt {checkpoint} --plan --json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["target"], told["environment"]["INFERENCE_ENGINE"]) == ("trt", "trt")
    assert any("no NVIDIA GPU" in each["text"] for each in told["refused"])
    assert "ENFORCE_EAGER" not in told["environment"]


def test_a_plan_names_the_compiled_engine_that_will_be_served(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(f"--trt {checkpoint} --plan", TRT_ENGINE_DIR=str(tmp_path)) == 0
    assert f"TensorRT-LLM on the GPU, compiled engine {tmp_path}" in capsys.readouterr().out


def test_a_port_in_use_is_a_conflict_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(f"--cpu --host 127.0.0.1 --port {port}") == 4
    assert f"port {port}" in capsys.readouterr().err


def test_a_plan_changes_nothing_and_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused("--cpu both --plan --json", TEXT_API_KEY="hush-hush") == 0
    out = capsys.readouterr().out
    assert "hush" not in out
    assert json.loads(out)["demo_models"] == ["chat", "tool"]


def test_an_env_file_counts_less_than_the_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = tmp_path / "my.env"
    named.write_text("SERVER_PORT=9001\nSERVER_BIND_HOST=127.0.0.2\n")
    assert refused(f"--cpu --plan --json --env-file {named}", SERVER_PORT="9002") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["host"], told["port"]) == ("127.0.0.2", 9002)


def test_a_blank_variable_or_a_service_link_does_not_hide_what_the_file_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = tmp_path / "some.env"
    named.write_text("SERVER_PORT=9001\nSERVER_BIND_HOST=::1\n")
    link = "tcp://10.43.1.2:8000"
    assert refused(f"--cpu --plan --env-file {named}", SERVER_PORT=link, SERVER_BIND_HOST=" ") == 0
    assert "ws://[::1]:9001/ws" in capsys.readouterr().out
    assert refused("--cpu --plan --host ::", SERVER_PORT=link) == 0
    assert "ws://127.0.0.1:8000/ws" in capsys.readouterr().out


def test_help_shows_the_grammar_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused("--cpu -h") == 0
    assert "exit codes" in capsys.readouterr().out


def test_a_machine_without_a_gpu_is_pointed_at_the_other_recipe(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="just run"):
        require_gpu(tmp_path / "nvidiactl")


@pytest.mark.parametrize("place", ["/", "~"])
def test_a_home_that_is_not_ours_to_fill_is_refused(place: str) -> None:
    with pytest.raises(Refusal, match="YAP_HOME"):
        require_home(Path(place))


def test_a_home_of_its_own_is_fine(tmp_path: Path) -> None:
    assert require_home(tmp_path) == tmp_path.resolve()


WORDS = [
    "--cpu",
    "--vllm",
    "--trt",
    "--engine=scripted",
    "chat",
    "both",
    "TOOL",
    "4bit",
    "none",
    "model",
    "./nope",
    "-h",
]
WORDS += [
    "--plan",
    "--plan",
    "--json",
    "--detach",
    "--follow",
    "--push-quant",
    "--port",
    "--port=0",
    "--toy",
    "~",
    "\0",
]
NAMES = ["DEPLOY_MODE", "CHAT_MODEL", "TOOL_MODEL", "INFERENCE_ENGINE", "SERVER_PORT", "YAP_HOME", "HF_TOKEN", "HOME"]
TEXTS = ["", " ", "both", "tool", "trt", "scripted", "model", "0", "8000", "-1", "/", "~", "x" * 300, "\udcff"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), max_size=7),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS), max_size=4),
)
def test_no_words_and_no_environment_end_in_a_traceback(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], environ: dict[str, str]
) -> None:
    monkeypatch.chdir(checkpoint.parent)
    hands = Hands(("chat", checkpoint), ("toy", checkpoint), ("tool", checkpoint))
    usual = {"YAP_HOME": str(checkpoint.parent / "home"), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"}
    assert run(words, usual | environ, hands.ways) in (0, 2, 3, 4, 77)
