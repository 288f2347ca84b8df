"""The adapter over a stand-in for the library: the contract, deaths and refusals, in milliseconds."""

import errno
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import zmq

from engines.base import Aborted, Delta, Failed, Finished, GenerationRequest, Sampling
from engines.errors import EngineDead, EngineOverloaded, EngineStartFailed, EngineUnavailable, TurnFailed
from engines.vllm import VllmConfig, VllmEngine, library
from engines.vllm.choosing import Choose, public, quickest
from tests.contract.suite import CHECKS, Opened, Recorder
from tests.engines.vllm import lookalike
from tests.engines.vllm.engine_core import EngineCore
from tests.engines.vllm.lookalike import AsyncLLM

CONFIG = VllmConfig(model="org/name", max_model_len=400, max_num_seqs=4, max_num_batched_tokens=64)


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    lookalike.install(monkeypatch)


@pytest.fixture(params=[quickest, public], ids=["steps", "public"])
def choose(request: pytest.FixtureRequest) -> Choose:
    """Each way of talking to the engine."""
    way: Choose = request.param
    return way


@asynccontextmanager
async def opening(choose: Choose, config: VllmConfig = CONFIG) -> AsyncIterator[Opened]:
    """An opened engine over the stand-in; closed at the end."""
    recorder = Recorder()
    engine = VllmEngine(config, choose)
    with trio.fail_after(30):
        info = await engine.open(recorder.deliver, lambda line: None)
        try:
            yield Opened(engine, info, recorder, range(10, 40), range(10, 60))
        finally:
            await engine.close()


async def test_what_the_library_leaves_of_its_sockets_is_ended_once_they_are_closed() -> None:
    context = zmq.Context()
    socket = context.socket(zmq.PULL)
    async with opening(public) as opened:
        engine = opened.engine
        assert isinstance(engine, VllmEngine)
        assert engine._boot is not None
        engine._boot.engine.engine_core.resources = SimpleNamespace(ctx=context)
        socket.close()
        await engine.close()
    assert context.closed


async def test_a_library_that_keeps_the_frames_of_its_import_keeps_no_closed_engine(
    monkeypatch: pytest.MonkeyPatch, choose: Choose
) -> None:
    kept: list[ImportError] = []
    load = library.load

    def import_for_the_first_time() -> library.Library:
        try:
            raise ImportError("an optional part is missing")
        except ImportError as error:
            kept.append(error)
        return load()

    monkeypatch.setattr(library, "load", import_for_the_first_time)
    async with opening(choose) as opened:
        assert isinstance(opened.engine, VllmEngine)
        assert opened.engine._boot is not None
        library_s = weakref.ref(opened.engine._boot.engine)
    del AsyncLLM.latest  # the stand-in's own
    gc.collect()
    assert library_s() is None


@pytest.mark.parametrize("name", CHECKS)
async def test_the_contract(choose: Choose, name: str) -> None:
    async with opening(choose) as opened:
        await CHECKS[name](opened)


async def test_opening_tells_its_steps_and_its_facts() -> None:
    lines: list[str] = []
    engine = VllmEngine(CONFIG)
    with trio.fail_after(10):
        info = await engine.open(lambda batch: None, lines.append)
        await engine.close()
    assert [line.split()[0] for line in lines] == ["importing", "vLLM", "starting", "ready"]
    assert (info.name, info.max_running, info.max_model_len) == ("vllm", 4, 400)
    assert info.facts["kv_cache_dtype"] == "auto"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model": "broken"}, "no config.json"),
        ({"attention_backend": "XFORMERS"}, "FLASHINFER, FLASH_ATTN"),
    ],
)
async def test_a_failed_start_says_why_and_closes_behind_itself(values: dict[str, Any], words: str) -> None:
    config = VllmConfig(**{"model": "m", "max_model_len": 9, "max_num_seqs": 1, **values})
    engine = VllmEngine(config)
    with trio.fail_after(10):
        with pytest.raises(EngineStartFailed, match=words):
            await engine.open(lambda batch: None, lambda line: None)
        await engine.close()


async def test_a_cancelled_open_shuts_the_library_down(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(self: AsyncLLM) -> None:
        self.engine_core.stuck = True
        await self.engine_core.answer()

    monkeypatch.setattr(AsyncLLM, "get_supported_tasks", never)
    engine = VllmEngine(CONFIG)
    with trio.move_on_after(0.5) as scope:
        await engine.open(lambda batch: None, lambda line: None)
    assert scope.cancelled_caught
    assert AsyncLLM.latest.closed


async def test_an_abort_that_comes_before_the_library_knows_the_request_is_not_lost(choose: Choose) -> None:
    async with opening(choose) as opened:
        request_id = opened.submit(300)
        # In the window of the stand-in in which its own abort does nothing.
        await trio.sleep(0.001)
        opened.engine.abort(request_id)
        assert isinstance(await opened.recorder.end(request_id), Aborted)
        assert await opened.engine.unfinished() == 0
        assert not AsyncLLM.latest.engine_core.requests


async def test_an_abort_is_confirmed_only_when_the_core_has_answered(choose: Choose) -> None:
    async with opening(choose) as opened:
        request_id = opened.submit(300)
        await opened.recorder.until(lambda: bool(opened.recorder.deltas(request_id)))
        AsyncLLM.latest.engine_core.stuck = True
        opened.engine.abort(request_id)
        await trio.sleep(0.2)
        assert opened.recorder.ends(request_id) == []
        AsyncLLM.latest.engine_core.stuck = False
        assert isinstance(await opened.recorder.end(request_id), Aborted)


async def test_an_abort_that_cannot_be_sent_or_asked_for_the_moment_is_neither_lost_nor_a_death(
    choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = {(EngineCore, "abort_requests_async"): 1, (AsyncLLM, "is_sleeping"): 3}

    def scarce(owner: Any, name: str) -> Any:
        original = getattr(owner, name)

        async def call(self: Any, *arguments: Any) -> Any:
            if failures[owner, name]:
                failures[owner, name] -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return await original(self, *arguments)

        return call

    async with opening(choose) as opened:
        for owner, name in failures:
            monkeypatch.setattr(owner, name, scarce(owner, name))
        request_id = opened.submit(300)
        await opened.recorder.until(lambda: bool(opened.recorder.deltas(request_id)))
        opened.engine.abort(request_id)
        assert isinstance(await opened.recorder.end(request_id), Aborted)
        assert not any(failures.values())
        await opened.recorder.end(opened.submit(2))


async def test_an_abort_nobody_asked_for_is_the_death_of_the_engine_and_of_every_request(choose: Choose) -> None:
    async with opening(choose) as opened:
        ids = [opened.submit(300) for _ in range(3)]
        await opened.recorder.until(lambda: all(opened.recorder.deltas(request_id) for request_id in ids))
        AsyncLLM.latest.terminate()
        with pytest.raises(EngineDead, match="by itself"):
            await opened.engine.watch()
        for request_id in ids:
            (end,) = opened.recorder.ends(request_id)
            assert isinstance(end, Failed)
            assert isinstance(end.error, EngineDead)


async def test_a_dead_engine_fails_what_runs_what_is_aborted_and_what_comes_later(choose: Choose) -> None:
    async with opening(choose) as opened:
        ids = [opened.submit(300) for _ in range(3)]
        await opened.recorder.until(lambda: bool(opened.recorder.deltas(ids[0])))
        AsyncLLM.latest.die()
        opened.engine.abort(ids[2])
        with pytest.raises(EngineDead):
            await opened.engine.watch()
        ids.append(opened.submit(2))
        for request_id in ids:
            end = await opened.recorder.end(request_id)
            assert isinstance(end, Failed)
            assert isinstance(end.error, EngineDead)
        await trio.sleep(0.05)
        assert all(len(opened.recorder.ends(request_id)) == 1 for request_id in ids)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (lookalike.QueueOverflowError("full"), EngineOverloaded),
        (ValueError("temperature"), TurnFailed),
        (lookalike.EngineGenerateError(), TurnFailed),
    ],
)
async def test_a_failure_of_one_request_is_translated_and_stays_its_own(
    choose: Choose, failure: Exception, expected: type[Exception]
) -> None:
    async with opening(choose) as opened:
        AsyncLLM.latest.failure = failure
        request_id = opened.submit(3)
        end = await opened.recorder.end(request_id)
        assert isinstance(end, Failed)
        assert type(end.error) is expected
        AsyncLLM.latest.failure = None
        assert isinstance(await opened.recorder.end(opened.submit(3)), Finished)


async def test_control_calls_of_a_stuck_engine_end_without_an_answer(
    choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.vllm.adapter._ANSWER_S", 0.1)
    async with opening(choose) as opened:
        AsyncLLM.latest.engine_core.stuck = True
        assert await opened.engine.unfinished() is None
        assert await opened.engine.reset_prefix_cache() is False


async def test_a_close_fails_what_is_open_and_later_submissions_are_refused(choose: Choose) -> None:
    async with opening(choose) as opened:
        request_id = opened.submit(300)
        await opened.engine.close()
        end = await opened.recorder.end(request_id)
        assert isinstance(end, Failed)
        assert isinstance(end.error, EngineUnavailable)
        with pytest.raises(EngineUnavailable):
            opened.submit(3)


async def test_an_id_in_use_is_refused(choose: Choose) -> None:
    async with opening(choose) as opened:
        request = GenerationRequest(id="same", prompt_ids=[10, 11], sampling=Sampling(), max_tokens=200)
        opened.engine.submit(request)
        with pytest.raises(ValueError, match="'same' is in use"):
            opened.engine.submit(request)


async def test_sessions_keep_their_data_parallel_rank(choose: Choose) -> None:
    config = VllmConfig(model="m", max_model_len=400, max_num_seqs=4, data_parallel=2)
    async with opening(choose, config) as opened:
        for number, affinity in enumerate((5, 6, 5, 6)):
            opened.engine.submit(
                GenerationRequest(id=f"{number}", prompt_ids=[10], sampling=Sampling(), max_tokens=2, affinity=affinity)
            )
            await opened.recorder.end(f"{number}")
        ranks = [call["rank"] for request_id, call in AsyncLLM.latest.calls if "self-check" not in request_id]
        assert ranks[0] == ranks[2]
        assert ranks[1] == ranks[3]
        assert opened.info.max_running == 8


async def test_one_step_of_many_requests_is_one_batch(choose: Choose) -> None:
    async with opening(choose) as opened:
        ids = [opened.submit(20) for _ in range(4)]
        for request_id in ids:
            await opened.recorder.end(request_id)
        outputs = sum(len(opened.recorder.outputs[request_id]) for request_id in ids)
        assert len(opened.recorder.batches) < outputs / 2


async def test_cached_tokens_come_with_the_first_delta(choose: Choose) -> None:
    async with opening(choose) as opened:
        request_id = opened.submit(3)
        end = await opened.recorder.end(request_id)
        first = opened.recorder.outputs[request_id][0]
        assert isinstance(first, Delta)
        assert isinstance(end, Finished)
        assert first.cached_tokens == end.usage.cached_tokens == 4
