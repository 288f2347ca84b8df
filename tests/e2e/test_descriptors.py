"""A server whose descriptors run out while it speaks: nobody is taken for dead who lives, and nobody is left behind."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from engines import processes
from engines.trt.workers import is_worker
from tests.descriptors import no_descriptor_left_in
from tests.e2e import houses
from tests.e2e.client import connected
from tests.e2e.plain import fetch
from tests.e2e.program import Program, assert_gone, assert_nothing_left
from tests.e2e.watched import RAW

LIMIT_S = 120
# Ten looks and more.
BLIND_S = 1.5


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


def _deaths(server: Program) -> list[str]:
    return [record["error"] for record in server.records() if record["event"] == "engine.died"]


async def test_a_turn_and_its_engine_outlive_a_lack_of_descriptors(server: Program) -> None:
    with trio.fail_after(LIMIT_S):
        async with connected(server.port) as client:
            await client.start("r-1", "tell me a story", **RAW)
            await client.until("token")
            worker = _worker(server)
            with no_descriptor_left_in(server.pid):
                began = trio.current_time()
                while trio.current_time() < began + BLIND_S:
                    await client.expect("token")
            assert (await client.rest())[-1]["type"] == "done"
        page = (await fetch(server.port, "/metrics")).body.decode()
        assert "text_inference_engine_restarts_total 0.0\n" in page
    assert (_worker(server), _deaths(server)) == (worker, [])


async def test_a_death_is_seen_and_restarts_are_tried_until_there_are_descriptors_again(server: Program) -> None:
    with trio.fail_after(LIMIT_S):
        async with connected(server.port) as client:
            await client.start("r-1", "tell me a story", **RAW)
            await client.until("token")
            worker = _worker(server)
            with no_descriptor_left_in(server.pid):
                processes.send([worker], signal.SIGKILL)
                error = (await client.rest())[-1]
                assert error["payload"]["details"]["reason_code"] == "engine_error"
                while len(_deaths(server)) < 3:
                    await trio.sleep(0.1)
                await client.answers_pings()
            await trio.to_thread.run_sync(server.wait_ready)
            await client.message("r-2")
            await client.until("token")
    first, *later = _deaths(server)
    assert f"process {worker.pid} is gone" in first
    assert later
    assert all(
        "nobody can look after the engine's processes: OSError: [Errno 24] Too many open files" in error
        for error in later
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_server_that_ends_without_a_descriptor_takes_its_worker_along(
    server: Program, number: signal.Signals
) -> None:
    with trio.fail_after(LIMIT_S):
        async with connected(server.port) as client:
            await client.start("r-1", "tell me a story", **RAW)
            await client.until("token")
            family = server.family()
            with no_descriptor_left_in(server.pid):
                server.kill(number)
                status = await trio.to_thread.run_sync(server.wait_gone)
                assert status == (0 if number is signal.SIGTERM else -signal.SIGKILL)
        assert_gone(family)
