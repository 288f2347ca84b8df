"""Whole launches as programs: the real keeper and the real server, with the scripted engine in it."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.program import left_of_session
from tests.receivers.hub.contents import Repository
from tests.receivers.hub.endpoint import Hub
from tests.tooling.keeper.launched import ROOT, Place, ended, eventually
from tests.toy import write_toy_model
from tooling.running import Phase, State

KEY = "hush-hush-key"
START_S = 120.0


class Launches(Place):
    """The programs that launch, in a directory with two models."""

    def program(self, module: str, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Begin one."""
        around = os.environ  # noqa: TID251  # a child process needs its PATH and HOME
        kept = {name: around[name] for name in ("PATH", "HOME") if name in around}
        base = {"PYTHONPATH": str(ROOT), "YAP_HOME": str(self.home), "HF_HUB_OFFLINE": "1", "DRAIN_TIMEOUT_S": "5"}
        started = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=self.directory,
            env={**kept, **base, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.keepers.append(started)
        return started

    def run(self, module: str, *words: str, **environ: str) -> tuple[int, str, str]:
        """One from its beginning to its end: code, output, complaints."""
        return ended(self.program(module, *words, **environ), START_S)

    def begun(self, *phases: Phase) -> State:
        """Wait for the last launch."""

        def at() -> State | None:
            state = self.state()
            return state if state is not None and state.phase in phases else None

        return eventually(at, f"{phases}; {self.state()}", START_S)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Launches]:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_toy_model(tmp_path / name)
    made = Launches(tmp_path)
    yield made
    made.clear()


def free_port() -> int:
    """A port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_in_the_background_from_its_start_to_another_model_and_its_end(place: Launches) -> None:
    port = str(free_port())
    (place.directory / "my.env").write_text(f"SERVER_BIND_HOST=127.0.0.1\nSERVER_PORT={port}\nTEXT_API_KEY={KEY}\n")
    start = ("--engine", "scripted", "./one", "--env-file", "my.env", "--detach")

    # Ctrl+C ends the waiting and not the launch.
    waiting = place.program("tooling.run", *start)
    place.begun(Phase.STARTING)
    waiting.send_signal(signal.SIGINT)
    code, _, complaints = ended(waiting, START_S)
    assert code == 130
    assert "just stop" in complaints
    first = place.begun(Phase.READY)
    assert first.server is not None

    # The same server once more.
    code, _, complaints = place.run("tooling.run", *start)
    assert code == 4
    for word in (str(first.server.pid), port, str(place.directory / "one"), "up ", "just restart", "just stop"):
        assert word in complaints

    # What cannot be is refused before the old server is touched.
    code, _, complaints = place.run("tooling.restart", "--chat-model", "org/unknown", "--push-quant", "--detach")
    assert code == 3
    assert "org/unknown" in complaints
    assert first.server.is_alive()

    # Another model, the rest as it was: address and key too.
    code, out, complaints = place.run("tooling.restart", "--chat-model", "two", "--detach")
    assert code == 0, complaints
    second = place.begun(Phase.READY)
    assert (second.resolved["chat_model"], str(second.port)) == (str(place.directory / "two"), port)
    assert second.server is not None
    assert not first.server.is_alive()
    environ = Path(f"/proc/{second.server.pid}/environ").read_bytes().split(b"\0")
    assert f"TEXT_API_KEY={KEY}".encode() in environ

    assert place.run("tooling.stop")[0] == 0
    assert not second.is_alive()
    written = [path.read_text(errors="replace") for path in place.home.rglob("*") if path.is_file()]
    assert KEY not in "".join([*written, place.log, out, complaints])
    assert place.log.count("=====") == 2


def test_a_server_in_front_of_a_terminal_ends_with_ctrl_c(place: Launches) -> None:
    words = ("--engine", "scripted", "./one", "--host", "127.0.0.1", "--port", str(free_port()))
    server = place.program("tooling.run", *words)
    state = place.begun(Phase.READY)
    os.killpg(server.pid, signal.SIGINT)
    code, out, complaints = ended(server, START_S)
    assert code == 0, complaints
    assert "made up for this run" in out
    assert "just live --server 127.0.0.1:" in out
    assert "server.ready" in place.log
    assert not state.is_alive()
    assert place.begun(Phase.STOPPED).exit is not None


def test_ctrl_c_while_a_model_is_looked_up_leaves_nothing(place: Launches) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hub:  # it takes connections and never answers
        endpoint = f"http://127.0.0.1:{hub.getsockname()[1]}"
        launch = place.program("tooling.run", "--cpu", "org/name", HF_ENDPOINT=endpoint, HF_HUB_OFFLINE="0")
        hub.settimeout(START_S)
        connection, _ = hub.accept()
        began = time.monotonic()
        launch.send_signal(signal.SIGINT)
        code, _, complaints = ended(launch, START_S)
        assert (code, complaints.splitlines()[-1]) == (130, "run: interrupted")
        assert time.monotonic() - began < START_S
        connection.close()
    assert place.state() is None


def test_a_plan_is_given_while_another_program_has_the_port_and_the_launch_is_not(place: Launches) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ("--engine", "scripted", "./one", "--host", "127.0.0.1", "--port", port)
        code, out, _ = place.run("tooling.run", *words, "--plan", "--json")
        assert code == 0
        assert [each["exit_code"] for each in json.loads(out)["refused"]] == [4]
        code, _, complaints = place.run("tooling.run", *words)
        assert code == 4
        assert f"(pid {os.getpid()})" in complaints
        assert taken.fileno() >= 0
    assert place.run("tooling.restart")[0] == 5


@pytest.fixture
def slow_hub(place: Launches) -> Iterator[Hub]:
    """A Hub with the first model, which answers what is asked about it and then keeps whoever fetches it waiting."""
    let_go = threading.Event()
    with Hub() as hub:
        files = {path.name: path.read_bytes() for path in (place.directory / "one").iterdir()}
        hub.add(Repository("org/one"), {**files, "model.safetensors": safetensors()})
        hub.before("info", lambda: hub.before("info", let_go.wait))
        yield hub
        let_go.set()


def safetensors() -> bytes:
    """A file of that format with next to nothing in it."""
    header = b'{"w":{"dtype":"F16","shape":[8],"data_offsets":[0,16]}}'
    return len(header).to_bytes(8, "little") + header + bytes(16)


def at_hub(place: Launches, hub: Hub) -> dict[str, str]:
    cache = str(place.directory / "hf")
    return {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HOME": cache, "no_proxy": "127.0.0.1"}


def workers_of(place: Launches) -> list[str]:
    """Command lines of workers that fetch for a launch in this place."""
    return [line for keeper in place.keepers for line in left_of_session(keeper.pid) if "tooling.models.worker" in line]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_while_something_is_fetched_ends_it_whole(
    place: Launches, slow_hub: Hub, number: signal.Signals, code: int
) -> None:
    words = ("--engine", "scripted", "org/one", "--host", "127.0.0.1", "--port", str(free_port()))
    launch = place.program("tooling.run", *words, **at_hub(place, slow_hub))
    place.begun(Phase.PREPARING)
    eventually(lambda: workers_of(place), "a worker", START_S)
    launch.send_signal(number)
    assert ended(launch, START_S)[0] == code
    assert not workers_of(place)
    assert place.begun(Phase.STOPPED).exit is not None


def test_a_launch_in_the_background_is_stopped_while_it_fetches(place: Launches, slow_hub: Hub) -> None:
    words = ("--engine", "scripted", "org/one", "--detach", "--host", "127.0.0.1", "--port", str(free_port()))
    launch = place.program("tooling.run", *words, **at_hub(place, slow_hub))
    state = place.begun(Phase.PREPARING)
    assert place.run("tooling.stop")[0] == 0
    code, _, complaints = ended(launch, START_S)
    assert code in (130, 143)
    assert "fetching org/one" in complaints
    assert not left_of_session(state.keeper.pid)
