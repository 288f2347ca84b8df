"""What a server makes of its environment, seen from outside its process."""

import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.houses import START_S, real, standing_in
from tests.e2e.program import ROOT, Program, scripted
from tests.toy import write_toy_model

LINK = "tcp://10.43.1.2:8000"
REVISION = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def running(environment: dict[str, str], *arguments: str, yields: bool = False) -> Iterator[Program]:
    """A server of the test's own."""
    program = Program(environment, arguments, yields=yields)
    try:
        yield program
    finally:
        program.bury()


@contextmanager
def hub() -> Iterator[tuple[str, list[str | None]]]:
    """The address of a hub that has nothing, and the keys that it was sent."""
    keys: list[str | None] = []

    class Nothing(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            keys.append(self.headers.get("Authorization"))
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name for it
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", keys
        server.shutdown()
        thread.join()


def write_cached_model(home: Path, repository: str) -> None:
    """The toy model where the hub's client looks for what it has fetched before."""
    cache = home / "hub" / f"models--{repository.replace('/', '--')}"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text(REVISION)
    snapshot = cache / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    write_toy_model(snapshot)


def test_a_service_link_in_the_place_of_our_port_is_told_once_and_served_past(tmp_path: Path) -> None:
    file = tmp_path / "server.env"
    file.write_text("SERVER_PORT=0\nSERVER_BIND_HOST=::\nDRAIN_TIMEOUT_S=0\n")
    environment = {**scripted(), "SERVER_PORT": LINK, "SERVER_BIND_HOST": "", "CHAT_MAX_OUT": LINK, "VLLM_PORT": LINK}
    with running(environment, "--env-file", str(file)) as program:
        assert program.wait_ready().port not in (0, 8000)
        started = program.wait_for("server.started")
        assert started["url"] == f"ws://127.0.0.1:{program.port}/ws"
        told = [record["warning"] for record in program.records() if record["event"] == "settings.warned"]
        assert [text.partition(" ")[0] for text in told] == ["CHAT_MAX_OUT", "VLLM_PORT:"]


def test_models_are_found_where_a_flag_says_that_the_hubs_cache_is(tmp_path: Path) -> None:
    write_cached_model(tmp_path / "flag", "owner/toy")
    environment = {**scripted(), "CHAT_MODEL": "owner/toy", "HF_HOME": str(tmp_path / "elsewhere")}
    with running(environment, "--hf-home", str(tmp_path / "flag")) as program:
        program.wait_ready()


@pytest.mark.parametrize("place", ["environment", "file"])
def test_the_token_reaches_the_hub_and_nothing_else(place: str, tmp_path: Path) -> None:
    file = tmp_path / "server.env"
    file.write_text("HF_TOKEN=hush-from-the-file\n")
    environment = {**scripted(), "CHAT_MODEL": "owner/private", "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    if place == "environment":
        environment["HF_TOKEN"] = "hush-from-the-environment"
    with hub() as (address, keys), running(environment | {"HF_ENDPOINT": address}, "--env-file", str(file)) as program:
        assert program.wait_gone() == 1
        program.bury()
        assert set(keys) == {f"Bearer hush-from-the-{place}"}
        assert "hush" not in "".join(program.lines)


@pytest.mark.parametrize(
    ("environment", "arguments", "status", "said"),
    [
        ({"TMPDIR": "/nonexistent/tmp"}, [], 3, "TMPDIR: '/nonexistent/tmp' is not a directory"),
        ({}, ["--env-file", "/nonexistent/server.env"], 3, "/nonexistent/server.env: cannot be read (No such file"),
        ({}, ["--env-file"], 3, "--env-file: the flag needs a file"),
        ({"SERVER_BIND_HOST": "203.0.113.7"}, [], 1, "SERVER_BIND_HOST is 203.0.113.7, which is no address of this"),
        (
            {"SERVER_BIND_HOST": "no-such-host.invalid"},
            [],
            1,
            "SERVER_BIND_HOST is 'no-such-host.invalid', which is no",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(
    environment: dict[str, str], arguments: list[str], status: int, said: str
) -> None:
    with running({**scripted(), **environment}, *arguments) as program:
        assert program.wait_gone() == status
        program.bury()
        (line,) = [line for line in program.lines if said in line]
        assert line
        assert "Traceback" not in "".join(program.lines)


@pytest.mark.parametrize("engine", ["vllm", "trt"])
@pytest.mark.parametrize("place", ["text_config", "compression_config"])
def test_a_quantised_checkpoint_is_refused_where_none_is_wanted(engine: str, place: str, tmp_path: Path) -> None:
    environment = standing_in(tmp_path) | {"INFERENCE_ENGINE": engine, "CHAT_QUANTIZATION": "none"}
    facts = {"quant_method": "awq", "bits": 4}
    config = json.loads((tmp_path / "config.json").read_text())
    config[place] = facts if place == "compression_config" else {**config, "quantization_config": facts}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with running(environment) as program:
        assert program.wait_gone() == 1
        program.bury()
        (failed,) = [record["error"] for record in program.records() if record["event"] == "server.failed"]
        assert "CHAT_QUANTIZATION is none, but " in failed
        assert "is quantised (awq)" in failed


@pytest.mark.engine
def test_a_long_path_for_temporary_files_does_not_keep_vllm_from_starting(tmp_path: Path) -> None:
    long = tmp_path / ("d" * (105 - len(str(tmp_path)) - 1))
    long.mkdir()
    (tmp_path / "model").mkdir()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as short:
        environment = real(tmp_path / "model") | {"TMPDIR": str(long), "XDG_RUNTIME_DIR": short}
        with running(environment, yields=True) as program:
            program.wait_ready(START_S)
            (directory,) = Path(short).iterdir()
            assert any(entry.is_socket() for entry in directory.iterdir())
            program.kill(signal.SIGTERM)
            assert program.wait_gone() == 0
        assert not list(Path(short).iterdir())
    assert not [entry for entry in long.rglob("*") if entry.is_socket()]


def test_the_hubs_client_is_not_imported_before_its_variables_are_set() -> None:
    code = "import runtime.__main__, sys; sys.exit('huggingface_hub' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
