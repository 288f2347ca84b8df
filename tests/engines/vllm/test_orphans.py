"""No engine process outlives its server, and a failed start says why."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engines import processes
from engines.processes import Process
from tests.engines.vllm import checkpoint
from tests.engines.vllm.conftest import START_S, Client

pytestmark = pytest.mark.engine

Start = Callable[..., Client]

# What "within a few seconds" means here.
GONE_S = 8.0


def _assert_gone(family: list[Process]) -> None:
    deadline = time.monotonic() + GONE_S
    while left := [process for process in family if processes.is_alive(process)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)  # noqa: TID251 - no trio here


def _family(client: Client, at_least: int) -> list[Process]:
    deadline = time.monotonic() + START_S
    while len(family := processes.descendants(client.process.pid)) < at_least:
        assert time.monotonic() < deadline
        time.sleep(0.01)  # noqa: TID251 - no trio here
    return family


def test_a_server_killed_while_generating_takes_its_engine_along(start_host: Start) -> None:
    client = start_host()
    client.open()
    client.do("submit")
    client.wait("output")
    family = _family(client, 2)
    client.kill()
    _assert_gone(family)


@pytest.mark.parametrize("born", [1, 2], ids=["core-just-born", "worker-just-born"])
def test_a_server_killed_while_loading_takes_its_engine_along(start_host: Start, born: int) -> None:
    client = start_host()
    family = _family(client, born)
    client.kill()
    _assert_gone(family)


def test_a_server_interrupted_while_loading_leaves_nothing(start_host: Start) -> None:
    client = start_host()
    family = _family(client, 1)
    client.kill(signal.SIGINT)
    client.process.wait(20)
    _assert_gone(family)


def test_a_start_that_fails_in_the_engine_process_says_the_engines_own_words(start_host: Start, tmp_path: Path) -> None:
    # Passes every check of the configuration; only the worker finds that there are no weights to load.
    directory = checkpoint.write(tmp_path / "broken")
    failed = start_host(directory, load_format="safetensors").wait("failed", "opened", timeout=START_S)
    assert failed["event"] == "failed"
    assert failed["kind"] == "EngineStartFailed"
    assert "weights" in failed["text"], failed["text"]


def test_a_start_with_a_broken_configuration_names_what_is_wrong(start_host: Start, tmp_path: Path) -> None:
    directory = checkpoint.write(tmp_path / "too-short")
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 128}))
    failed = start_host(directory).wait("failed", "opened", timeout=START_S)
    assert failed["event"] == "failed"
    assert "128" in failed["text"], failed["text"]
