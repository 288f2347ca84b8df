"""Steps taken below the library's front end: what is in them, what breaks, and when the public way is taken instead."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
import trio

from engines.base import Control, Delta, Failed, Finished, FinishReason
from engines.errors import EngineDead, TurnFailed
from engines.vllm import VllmConfig, VllmEngine
from engines.vllm.choosing import quickest
from tests.contract.suite import CHECKS, Opened, Recorder
from tests.engines.vllm import engine_core, lookalike
from tests.engines.vllm.engine_core import EngineCoreOutput, EngineCoreOutputs
from tests.engines.vllm.lookalike import AsyncLLM

CONFIG = VllmConfig(model="org/name", max_model_len=400, max_num_seqs=4, max_num_batched_tokens=64)


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    lookalike.install(monkeypatch)


@asynccontextmanager
async def opening(config: VllmConfig = CONFIG) -> AsyncIterator[Opened]:
    """An opened engine over the look-alike; closed at the end."""
    recorder = Recorder()
    engine = VllmEngine(config, quickest)
    with trio.fail_after(30):
        info = await engine.open(recorder.deliver, lambda line: None)
        try:
            yield Opened(engine, info, recorder, range(10, 40), range(10, 60))
        finally:
            await engine.close()


def put(opened: Opened, step: object) -> None:
    """A step as the library's reading task would put it."""
    assert isinstance(opened.engine, VllmEngine)
    opened.engine._island.call(AsyncLLM.latest.engine_core.outputs_queue.put_nowait, step)


async def test_steps_come_past_the_librarys_queue_and_its_one_handler_sleeps() -> None:
    with structlog.testing.capture_logs() as logged:
        async with opening() as opened:
            assert opened.info.facts["detokenising"] == "byte table"
            assert isinstance(await opened.recorder.end(opened.submit(20)), Finished)
            assert not AsyncLLM.latest._handler.done()
            assert AsyncLLM.latest.engine_core.outputs_queue.empty()
            assert AsyncLLM.latest.get_num_unfinished_requests() == 0
    assert logged == []


async def test_the_library_is_asked_for_no_text() -> None:
    async with opening() as opened:
        await opened.recorder.end(opened.submit(2))
        assert AsyncLLM.latest.calls[-1][1]["params"].detokenize is False


async def test_unknown_requests_in_a_step_are_passed_over() -> None:
    async with opening() as opened:
        request_id = opened.submit(50)
        await opened.recorder.until(lambda: bool(opened.recorder.deltas(request_id)))
        stranger = EngineCoreOutput("never-submitted", [11, 12], engine_core.FinishReason.STOP)
        put(opened, EngineCoreOutputs([stranger, EngineCoreOutput(request_id, [65]), stranger]))
        end = await opened.recorder.end(request_id)
        assert isinstance(end, Finished)
        assert end.usage.completion_tokens == 51
        assert "never-submitted" not in opened.recorder.outputs


async def test_several_tokens_at_once_are_one_delta_and_a_stop_token_among_them_is_counted_but_not_shown() -> None:
    async with opening() as opened:
        request_id = opened.submit(300)
        await opened.recorder.until(lambda: bool(opened.recorder.deltas(request_id)))
        text = engine_core.tokenizer().backend_tokenizer
        ids = text.encode("dandy", add_special_tokens=False).ids
        put(opened, EngineCoreOutputs([EngineCoreOutput(request_id, [*ids, 0], engine_core.FinishReason.STOP)]))
        end = await opened.recorder.end(request_id)
        last = opened.recorder.deltas(request_id)[-1]
        assert (last.text, last.tokens) == ("dandy", len(ids) + 1)
        assert isinstance(end, Finished)
        assert end.reason is FinishReason.STOP
        assert end.usage.completion_tokens == sum(delta.tokens for delta in opened.recorder.deltas(request_id))


@pytest.mark.parametrize("way", ["step by step", "in public"])
async def test_a_control_token_comes_in_a_delta_of_its_own(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "in public":
        breaks, _ = BREAKAGES["statistics are on"]
        breaks(monkeypatch)
    backend = engine_core.tokenizer().backend_tokenizer
    control, content = max(
        (id_, token.content) for id_, token in backend.get_added_tokens_decoder().items() if token.special
    )
    fox, half = (backend.encode(text, add_special_tokens=False).ids for text in ("a fox", "é"))
    async with opening() as opened:
        request_id = opened.submit(300, controls={control: content})
        await opened.recorder.until(lambda: bool(opened.recorder.deltas(request_id)))
        # The second one comes behind half a character.
        put(opened, EngineCoreOutputs([EngineCoreOutput(request_id, [*fox, control, *fox, half[0], control, control])]))
        await opened.recorder.end(request_id)
        deltas = opened.recorder.deltas(request_id)
    at = next(place for place, delta in enumerate(deltas) if isinstance(delta.text, Control))
    found = [(type(delta.text), delta.text.rstrip("\ufffd"), delta.tokens) for delta in deltas[at - 1 : at + 4]]
    assert found == [
        (str, "a fox", len(fox)),
        (Control, content, 1),
        (str, "a fox", len(fox) + 1),
        (Control, content, 1),
        (Control, content, 1),
    ]
    assert sum(delta.tokens for delta in deltas) == 300 + 2 * len(fox) + 4


@pytest.mark.parametrize("ids", [[100_000], [-1], [2**40], [10, 2**31, 11]])
async def test_an_id_outside_the_vocabulary_has_no_text_and_ends_nothing(ids: list[int]) -> None:
    async with opening() as opened:
        request_id = opened.submit(50)
        await opened.recorder.until(lambda: bool(opened.recorder.deltas(request_id)))
        put(opened, EngineCoreOutputs([EngineCoreOutput(request_id, ids)]))
        end = await opened.recorder.end(request_id)
        assert isinstance(end, Finished)
        assert end.usage.completion_tokens == 50 + len(ids)


async def test_an_output_that_cannot_be_read_fails_its_own_request_and_frees_the_engine_of_it() -> None:
    async with opening() as opened:
        broken, neighbour = opened.submit(300), opened.submit(30)
        await opened.recorder.until(lambda: bool(opened.recorder.deltas(broken)))
        nonsense: Any = ["a reply's own words"]
        put(opened, EngineCoreOutputs([EngineCoreOutput(broken, nonsense)]))
        end = await opened.recorder.end(broken)
        assert isinstance(end, Failed)
        assert type(end.error) is TurnFailed
        assert "words" not in str(end.error)
        assert isinstance(await opened.recorder.end(neighbour), Finished)
        assert await opened.engine.unfinished() == 0
        assert not AsyncLLM.latest.engine_core.requests


@pytest.mark.parametrize("error", [engine_core.EngineDeadError("dead"), ValueError("not to be decoded")])
async def test_what_ends_the_reading_of_outputs_is_the_death_of_the_engine(error: Exception) -> None:
    async with opening() as opened:
        ids = [opened.submit(300) for _ in range(3)]
        await opened.recorder.until(lambda: bool(opened.recorder.deltas(ids[0])))
        opened.engine.abort(ids[2])
        put(opened, error)
        with pytest.raises(EngineDead):
            await opened.engine.watch()
        for request_id in ids:
            end = await opened.recorder.end(request_id)
            assert isinstance(end, Failed)
            assert isinstance(end.error, EngineDead)
        await trio.sleep(0.05)
        assert all(len(opened.recorder.ends(request_id)) == 1 for request_id in ids)


@pytest.mark.parametrize("error", [engine_core.EngineDeadError("dead"), ValueError("not to be decoded")])
async def test_it_is_noticed_while_nothing_runs_too(error: Exception) -> None:
    async with opening() as opened:
        put(opened, error)
        with pytest.raises(EngineDead):
            await opened.engine.watch()


async def test_every_rank_is_tried_at_the_start_and_counts_nothing_afterwards() -> None:
    config = VllmConfig(model="m", max_model_len=400, max_num_seqs=4, data_parallel=3)
    async with opening(config) as opened:
        tried = [call["rank"] for name, call in AsyncLLM.latest.calls if call["rank"] is not None]
        assert set(tried) == {0, 1, 2}
        for _ in range(4):
            await opened.recorder.end(opened.submit(2))
        long = opened.submit(300)
        await opened.recorder.until(lambda: bool(opened.recorder.deltas(long)))
        opened.engine.abort(long)
        await opened.recorder.end(long)
        assert isinstance(opened.engine, VllmEngine)
        assert opened.engine._client is not None
        assert opened.engine._client.ranks is not None
        assert opened.engine._client.ranks.load == (0, 0, 0)


def _without(record: type, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    left = tuple(each for each in record.__struct_fields__ if each != name)  # type: ignore[attr-defined]
    return lambda patch: patch.setattr(record, "__struct_fields__", left)


def _other_text(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        engine_core.IncrementalDetokenizer, "get_next_output_text", lambda self, finished, delta: "something else"
    )


def _once_started(change: Callable[[AsyncLLM], None]) -> Callable[[pytest.MonkeyPatch], None]:
    real = AsyncLLM.__init__

    def start(self: AsyncLLM, vllm_config: Any) -> None:
        real(self, vllm_config)
        change(self)

    return lambda patch: patch.setattr(AsyncLLM, "__init__", start)


def _another_queue(patch: pytest.MonkeyPatch) -> None:
    # Nothing of what is taken over is missing, but no step comes there.
    elsewhere = SimpleNamespace(put_nowait=print)
    _once_started(lambda engine: setattr(engine.engine_core, "outputs_queue", elsewhere))(patch)
    patch.setattr("engines.vllm.choosing._REHEARSAL_S", 0.2)


def _always_text(patch: pytest.MonkeyPatch) -> None:
    real = AsyncLLM.process_inputs

    def checked(self: AsyncLLM, request_id: str, prompt: Any, params: Any, *more: Any, **named: Any) -> Any:
        if not getattr(params, "detokenize", True):
            raise ValueError("detokenise yourself")
        return real(self, request_id, prompt, params, *more, **named)

    patch.setattr(AsyncLLM, "process_inputs", checked)


BREAKAGES: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "a field is gone": (_without(EngineCoreOutput, "prefill_stats"), "no prefill_stats"),
    "the step's field is gone": (_without(EngineCoreOutputs, "outputs"), "no outputs"),
    "a reason reads otherwise": (
        lambda patch: patch.setattr(engine_core.FinishReason, "__str__", lambda self: f"because {self.value}"),
        "FinishReason.STOP",
    ),
    "a slow tokenizer": (
        lambda patch: patch.setattr(AsyncLLM, "get_tokenizer", lambda self: SimpleNamespace()),
        "no tokenizer of the tokenizers library",
    ),
    "the library's text is another": (_other_text, "library's text"),
    "steps come another way": (_another_queue, "no step came through"),
    "requests are made another way": (
        _once_started(lambda engine: setattr(engine, "input_processor", SimpleNamespace())),
        "process_inputs",
    ),
    "requests without text are refused": (_always_text, "detokenise yourself"),
    "statistics are on": (_once_started(lambda engine: setattr(engine, "log_stats", True)), "statistics"),
}


PUBLIC_CHECKS = ("a_request_streams_and_ends_once_with_true_counts", "an_abort_storm_leaves_nothing_behind")


@pytest.mark.parametrize("name", BREAKAGES)
async def test_what_the_step_client_rests_on_is_checked_and_the_public_way_does_without(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks, words = BREAKAGES[name]
    breaks(monkeypatch)
    with structlog.testing.capture_logs() as logged:
        async with opening() as opened:
            assert opened.info.facts["detokenising"] == "vLLM's own"
            for check in PUBLIC_CHECKS:
                await CHECKS[check](opened)
            first = opened.recorder.outputs["check-0"][0]
            assert isinstance(first, Delta)
    (warning,) = logged
    assert (warning["event"], warning["log_level"]) == ("engine.public_client", "warning")
    assert words in str(warning["why"])
