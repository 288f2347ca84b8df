"""The server as a process over TensorRT-LLM's stand-in: however it ends, in whatever state, no worker outlives it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from engines import processes
from engines.trt.workers import is_worker
from tests.e2e import houses
from tests.e2e.client import connected
from tests.e2e.plain import fetch
from tests.e2e.program import Program, assert_gone, assert_nothing_left
from tests.e2e.watched import RAW
from tests.engines.trt.conftest import write_engine

LIMIT_S = 120


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Program]:
    """A server of a test's own, whose replies take a while."""
    running = Program(houses.standing_in(tmp_path) | {"DRAIN_TIMEOUT_S": "0", "CHAT_MAX_OUT": "600"})
    try:
        yield running.wait_ready()
    finally:
        running.bury()
        assert_nothing_left(running.pid)


def _worker(server: Program) -> processes.Process:
    (worker,) = filter(is_worker, server.family())
    return worker


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("hangs", [False, True], ids=["works", "hangs"])
async def test_a_server_that_is_ended_in_a_turn_takes_its_worker_along(
    server: Program, number: signal.Signals, hangs: bool
) -> None:
    with trio.fail_after(LIMIT_S):
        async with connected(server.port) as client:
            await client.start("r-1", "tell me a story", **RAW)
            await client.until("token")
            family, worker = server.family(), _worker(server)
            if hangs:
                processes.send([worker], signal.SIGSTOP)
            server.kill(number)
            status = await trio.to_thread.run_sync(server.wait_gone)
            assert status == (0 if number is signal.SIGTERM else -signal.SIGKILL)
        assert_gone(family)


def test_an_engine_of_another_version_is_refused_with_both(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    built = {"max_input_len": 5025, "max_seq_len": 5175, "max_batch_size": 64}
    engine = write_engine(tmp_path / "engine", metadata={"tensorrt_llm_version": "1.2.0", **built}, **built)
    server = Program(houses.standing_in(tmp_path / "model") | {"TRT_ENGINE_DIR": str(engine)})
    try:
        assert server.wait_gone() == 3
    finally:
        server.bury()
    (told,) = (record["error"] for record in server.records() if record["event"] == "server.failed")
    assert f"engine {engine} was built by TensorRT-LLM 1.2.0, installed is 1.2.1" in told
    assert "just build-trt" in told


async def test_a_killed_worker_is_replaced_and_counted(server: Program) -> None:
    with trio.fail_after(LIMIT_S):
        async with connected(server.port) as client:
            await client.start("r-1", "tell me a story", **RAW)
            await client.until("token")
            worker = _worker(server)
            processes.send([worker], signal.SIGKILL)
            error = (await client.rest())[-1]
            assert error["payload"]["details"]["reason_code"] == "engine_error"
            await trio.to_thread.run_sync(server.wait_ready)
            await client.message("r-2")
            await client.until("token")
            assert _worker(server) != worker
            page = (await fetch(server.port, "/metrics")).body.decode()
            assert "text_inference_engine_restarts_total 1.0\n" in page
