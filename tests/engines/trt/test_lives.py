"""Starts, deaths and ends on the stand-in, whose worker is a real process. Not seen on TensorRT-LLM."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import trio

from engines import processes
from engines.base import Failed
from engines.errors import EngineDead, EngineStartFailed, EngineUnavailable
from tests.engines.trt.conftest import Open, Session

QUIT = 4
# A dead worker is noticed by the process table, ten times a second.
NOTICED_S = 1.0


async def _running(session: Session) -> list[str]:
    ids = [session.opened.submit(session.opened.longest()) for _ in range(2)]
    await session.opened.recorder.until(lambda: all(session.opened.recorder.deltas(name) for name in ids))
    return ids


async def _watch(session: Session) -> None:
    with contextlib.suppress(EngineDead):
        await session.engine.watch()


@pytest.mark.parametrize("backend", ["engine", "pytorch"])
async def test_a_killed_worker_fails_every_request_at_once_although_the_library_says_nothing(
    open_engine: Open, backend: str
) -> None:
    async with open_engine(backend) as session, trio.open_nursery() as nursery:
        nursery.start_soon(_watch, session)
        ids = await _running(session)
        (worker,) = session.engine.worker_pids
        assert session.info.facts["worker_processes"] == 1
        os.kill(worker, signal.SIGKILL)
        with trio.fail_after(NOTICED_S):
            ends = [await session.opened.recorder.end(request_id) for request_id in ids]
        assert all(isinstance(end, Failed) and isinstance(end.error, EngineDead) for end in ends)
        late = session.opened.submit(2)
        end = await session.opened.recorder.end(late)
        assert isinstance(end, Failed)
        assert isinstance(end.error, EngineDead)
        with pytest.raises(EngineDead, match=f"process {worker} is gone"):
            await session.engine.watch()
        assert all(len(session.opened.recorder.ends(request_id)) == 1 for request_id in [*ids, late])


async def test_a_worker_that_ends_by_itself_is_a_death_too(open_engine: Open) -> None:
    async with open_engine() as session, trio.open_nursery() as nursery:
        nursery.start_soon(_watch, session)
        request_id = session.opened.submit(8, prompt_ids=[QUIT, 1])
        with trio.fail_after(NOTICED_S):
            end = await session.opened.recorder.end(request_id)
        assert isinstance(end, Failed)
        assert isinstance(end.error, EngineDead)


async def test_a_close_fails_what_runs_and_leaves_no_process(open_engine: Open) -> None:
    async with open_engine() as session:
        ids = await _running(session)
        (worker,) = session.engine.worker_pids
        await session.engine.close()
        ends = [session.opened.recorder.ends(request_id) for request_id in ids]
        assert all(len(end) == 1 and isinstance(end[0], Failed) for end in ends)
        assert isinstance(ends[0][0].error, EngineUnavailable)  # type: ignore[union-attr]
        assert processes.identify(worker) is None


async def test_a_stopped_worker_cannot_hold_up_the_close(open_engine: Open) -> None:
    async with open_engine() as session:
        await _running(session)
        (worker,) = session.engine.worker_pids
        os.kill(worker, signal.SIGSTOP)
        began = trio.current_time()
        await session.engine.close()
        assert trio.current_time() - began < 12
        assert processes.identify(worker) is None


async def test_a_start_that_is_given_up_leaves_no_process(open_engine: Open) -> None:
    before = set(processes.descendants(os.getpid()))
    with trio.move_on_after(1.0) as scope:
        async with open_engine(behaviour={"load_s": 60}):
            raise AssertionError("it cannot be up")
    assert scope.cancelled_caught
    assert set(processes.descendants(os.getpid())) <= before


async def test_a_worker_that_fails_to_load_is_quoted(open_engine: Open) -> None:
    with pytest.raises(EngineStartFailed, match="TensorRT-LLM did not start: RuntimeError: CUDA out of memory"):
        async with open_engine(behaviour={"complaint": "CUDA out of memory, tried to allocate 9 GiB"}):
            raise AssertionError("it cannot be up")


async def test_loading_never_blocks_the_server(open_engine: Open) -> None:
    longest = 0.0

    async def pulse() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await trio.sleep(0.01)
            longest = max(longest, time.perf_counter() - before)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pulse)
        async with open_engine(behaviour={"load_s": 1.5}) as session:
            assert any("starting the workers" in line for line in session.progress)
            assert "compiled engine" in str(session.info.facts["backend_reason"])
        nursery.cancel_scope.cancel()
    assert longest < 1.0


async def test_an_engine_is_open_again_after_a_death(open_engine: Open) -> None:
    async with open_engine() as session:
        os.kill(session.engine.worker_pids[0], signal.SIGKILL)
        with pytest.raises(EngineDead), trio.fail_after(NOTICED_S):
            await session.engine.watch()
    async with open_engine() as session:
        await session.opened.recorder.end(session.opened.submit(2))


HOST = """
import sys, trio
sys.path[:0] = [{root!r}, {standin!r}]
from engines.base import GenerationRequest, Sampling
from engines.trt import TrtConfig, TrtEngine

async def main():
    engine = TrtEngine(TrtConfig(**{config!r}))
    await engine.open(lambda batch: None, lambda line: None)
    engine.submit(GenerationRequest(id="r", prompt_ids=[10, 11], sampling=Sampling(), max_tokens=400))
    print(*engine.worker_pids, flush=True)
    await trio.sleep_forever()

trio.run(main)
"""


def test_a_server_that_is_killed_takes_its_workers_along(tmp_path: Path, model: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    standin = Path(__file__).with_name("standin")
    config: dict[str, Any] = {"model": str(model), "max_model_len": 512, "max_output_len": 64, "batch_size": 2}
    script = tmp_path / "host.py"
    script.write_text(HOST.format(root=str(root), standin=str(standin), config=config), encoding="utf-8")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        pids = json.loads("[" + host.stdout.readline().strip().replace(" ", ",") + "]")
        workers = [processes.identify(pid) for pid in pids]
        assert len(workers) == 1
        host.kill()
    deadline = time.monotonic() + 5
    while any(worker is not None and processes.is_alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker outlived its server"
        time.sleep(0.05)  # noqa: TID251 - no trio here
