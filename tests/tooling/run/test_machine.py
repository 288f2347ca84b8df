"""Looks at the machine: who has a port, which interpreter serves a target, what a server's own environment holds."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from attrs import evolve

from tests.toy import toy_directory
from tooling.models import Model
from tooling.refusal import Refusal
from tooling.run.command import Ways
from tooling.run.hub_cache import hub_cache, to_fetch
from tooling.run.interpreter import python_for
from tooling.run.listener import listener_at
from tooling.run.restarting import carried_over, recorded, restart
from tooling.running import Exit, Identity, Phase, State, write_state


def test_who_listens_is_named_and_who_does_not_is_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = listener_at(port)
        assert found is not None
        assert found.pid == os.getpid()
        assert str(found).endswith(f"(pid {os.getpid()})")
    assert listener_at(port) is None


def test_tables_that_cannot_be_read_name_nobody(tmp_path: Path) -> None:
    assert listener_at(80, tmp_path) is None
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text("head\n garbage\n 0: 0100007F:0050 0:0 0A 0:0 0:0 0 0 0 4711\n")
    (tmp_path / "12").mkdir()
    assert listener_at(80, tmp_path) is None


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("cpu", "vllm"):
        python = tmp_path / ".venvs" / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("here", "target", "wanted"),
    [
        ("cpu", "cpu", None),
        ("cpu", "vllm", "vllm"),
        ("vllm", "cpu", "cpu"),
        ("cpu", "trt", None),  # which is not installed, and this one says so
        ("cpu", "tool", "vllm"),
        ("vllm", "tool", None),
    ],
)
def test_each_target_has_an_interpreter_of_its_own(checkout: Path, here: str, target: str, wanted: str | None) -> None:
    found = python_for(target, root=checkout, prefix=checkout / ".venvs" / here, gpu=checkout)
    assert found == (checkout / ".venvs" / wanted / "bin" / "python" if wanted else None)


def test_without_a_gpu_the_tool_model_runs_in_the_cpus_environment(checkout: Path) -> None:
    prefix = checkout / ".venvs" / "cpu"
    assert python_for("tool", root=checkout, prefix=prefix, gpu=checkout / "no-such-device") is None


def test_an_interpreter_from_elsewhere_serves_everything(checkout: Path) -> None:
    assert python_for("vllm", root=checkout, prefix=Path("/usr")) is None


def test_an_environment_that_is_missing_is_named(checkout: Path) -> None:
    (checkout / ".venvs" / "vllm" / "bin" / "python").unlink()
    with pytest.raises(Refusal, match="just setup vllm"):
        python_for("vllm", root=checkout, prefix=checkout / ".venvs" / "cpu")


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"HF_HUB_CACHE": "/c"}, "/c"),
        ({"HF_HOME": "/h"}, "/h/hub"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({}, str(Path.home() / ".cache" / "huggingface" / "hub")),
    ],
)
def test_the_hubs_cache_is_where_its_library_has_it(environ: dict[str, str], place: str) -> None:
    assert hub_cache(environ) == Path(place)


def test_what_is_in_the_hubs_cache_takes_no_room_again(tmp_path: Path) -> None:
    model = Model(name="o/m", revision="c1", listing=(("config.json", 2), ("model.safetensors", 30), ("part/x.bin", 7)))
    environ = {"HF_HUB_CACHE": str(tmp_path)}
    assert to_fetch(model, environ) == 32
    assert to_fetch(model, environ, ("part",)) == 39
    snapshot = tmp_path / "models--o--m" / "snapshots" / "c1"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").touch()
    assert to_fetch(model, environ) == 2
    (snapshot / "config.json").touch()
    assert to_fetch(model, environ) == 0
    assert to_fetch(Model(name=str(tmp_path), directory=tmp_path, listing=model.listing), environ) == 0


def state(port: int, started: float, server: Identity | None = None) -> State:
    return State(
        key=str(port),
        host="127.0.0.1",
        port=port,
        phase=Phase.READY if server else Phase.STOPPED,
        keeper=server or Identity(1 << 22, 0, "another boot"),
        server=server,
        started=started,
        exit=None if server else Exit(code=0, why="as it was asked", at=started),
    )


def test_the_keys_of_a_running_server_are_read_off_it_and_nothing_else() -> None:
    code = "import sys; print(flush=True); sys.stdin.read()"
    environ = {"TEXT_API_KEY": "k-1", "HF_TOKEN": "hf_1", "CHAT_MODEL": "o/c", "SENTRY_DSN": " ", "HF_HOME": "/hf"}
    proxy = {"https_proxy": "http://me:word@proxy:3128", "http_proxy": "http://proxy:3128"}
    with subprocess.Popen(
        [sys.executable, "-IS", "-c", code], env={**environ, **proxy}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        running = state(9000, 1.0, Identity.of(child.pid))
        secret = {"TEXT_API_KEY": "k-1", "HF_TOKEN": "hf_1", "https_proxy": proxy["https_proxy"]}
        assert carried_over(running) == secret
        child.kill()
    assert carried_over(running) == {}
    assert carried_over(state(9000, 1.0)) == {}


def test_a_restart_means_the_named_one_else_the_one_that_runs_else_the_last(tmp_path: Path) -> None:
    assert recorded(tmp_path, 8000, is_named=False) is None
    for port, started in ((9000, 2.0), (9001, 3.0), (9002, 1.0)):
        write_state(tmp_path, state(port, started))
    last, named = recorded(tmp_path, 8000, is_named=False), recorded(tmp_path, 9000, is_named=True)
    assert (last and last.port, named and named.port) == (9001, 9000)
    assert recorded(tmp_path, 8000, is_named=True) is None
    us = Identity.of(os.getpid())
    write_state(tmp_path, state(9002, 1.0, us))
    running = recorded(tmp_path, 8000, is_named=False)
    assert running is not None
    assert running.port == 9002
    write_state(tmp_path, state(9000, 2.0, us))
    with pytest.raises(Refusal, match="just restart --port 9000") as caught:
        recorded(tmp_path, 8000, is_named=False)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("words", "given", "code"),
    [
        (["tool"], {}, 5),
        (["tool", "--tool-model", "MODEL"], {}, 0),
        (["tool"], {"TOOL_MODEL": "MODEL"}, 0),
        (["tool", "MODEL"], {}, 0),
    ],
)
def test_a_restart_of_nothing_goes_by_any_model_that_is_named(
    words: list[str], given: dict[str, str], code: int, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    environ = {"YAP_HOME": str(tmp_path / "home"), "MAX_CONCURRENT_CONNECTIONS": "1"} | {
        name: str(model) if value == "MODEL" else value for name, value in given.items()
    }

    def never(*given: object) -> NoReturn:
        raise AssertionError("a plan does nothing")

    argv = ["--plan", *(str(model) if word == "MODEL" else word for word in words)]
    assert restart(argv, environ, Ways(ensure=never, keeper=never, follow=never, become=never), never) == code


def test_a_restart_that_is_interrupted_while_it_stops_says_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    model = str(toy_directory())
    variables = {"CHAT_MODEL": model, "DEPLOY_MODE": "chat", "INFERENCE_ENGINE": "scripted"}
    asked = {"target": "cpu", "engine": "scripted", "mode": "chat", "toy": False, "variables": variables}
    running = evolve(state(port, 1.0, Identity.of(os.getpid())), requested={**asked, "chat_model": model})
    write_state(tmp_path, evolve(running, log=str(tmp_path / "server.log")))

    def interrupted(*given: object) -> NoReturn:
        raise KeyboardInterrupt

    def never(*given: object) -> NoReturn:
        raise AssertionError("nothing takes its place")

    environ = {"YAP_HOME": str(tmp_path), "TEXT_API_KEY": "k", "SERVER_BIND_HOST": "127.0.0.1"}
    ways = Ways(ensure=never, keeper=never, follow=never, become=never)
    assert restart([], environ, ways, interrupted) == 130
    assert "nothing took its place; just restart" in capsys.readouterr().err
