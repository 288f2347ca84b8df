"""Requests on the stand-in: text, counts, failures. A stand-in: none of this has been seen on TensorRT-LLM."""

import re
from pathlib import Path

import pytest
import trio
from tokenizers import Tokenizer

from engines.base import Aborted, Control, Delta, Failed, Finished, FinishReason, GenerationRequest, Sampling
from engines.errors import EngineDead, EngineUnavailable, TurnFailed
from engines.trt import TrtConfig, TrtEngine, Unhonoured
from tests.engines.trt.conftest import BATCH, Open, Session

# What the stand-in's worker does with a prompt that begins with these.
ECHO, FAIL = 2, 3
END = 0


def _ids(model: Path, text: str) -> list[int]:
    return list(Tokenizer.from_file(str(model / "tokenizer.json")).encode(text, add_special_tokens=False).ids)


async def _echo(session: Session, ids: list[int], **values: object) -> tuple[str, Finished]:
    request_id = session.opened.submit(64, prompt_ids=[ECHO, *ids], **values)  # type: ignore[arg-type]
    end = await session.opened.recorder.end(request_id)
    assert isinstance(end, Finished), end
    deltas = session.opened.recorder.deltas(request_id)
    assert sum(delta.tokens for delta in deltas) == end.usage.completion_tokens
    assert not any("\ufffd" in delta.text for delta in deltas)
    return session.opened.recorder.text(request_id), end


async def test_a_character_of_several_tokens_arrives_whole(open_engine: Open, model: Path) -> None:
    text = "dé 👩‍🚀 漢字 end"
    async with open_engine() as session:
        shown, end = await _echo(session, _ids(model, text))
    assert shown == text
    assert end.reason is FinishReason.LENGTH
    assert end.usage.completion_tokens == len(_ids(model, text))


async def test_half_a_character_at_the_end_is_left_out(open_engine: Open, model: Path) -> None:
    async with open_engine() as session:
        shown, _ = await _echo(session, _ids(model, "so 👩")[:-1])
    assert shown == "so "


async def test_a_control_token_comes_in_a_delta_of_its_own(open_engine: Open, model: Path) -> None:
    control = _ids(model, "!")[0]
    ids = [*_ids(model, "so 👩")[:-1], control, *_ids(model, "dé"), control]
    async with open_engine() as session:
        request_id = session.opened.submit(64, prompt_ids=[ECHO, *ids], controls={control: "!"})
        end = await session.opened.recorder.end(request_id)
        deltas = session.opened.recorder.deltas(request_id)
    assert [delta.text for delta in deltas if isinstance(delta.text, Control)] == ["!", "!"]
    assert "".join(delta.text for delta in deltas).replace("\ufffd", "") == "so !dé!"
    assert isinstance(end, Finished)
    assert sum(delta.tokens for delta in deltas) == end.usage.completion_tokens == len(ids)


@pytest.mark.parametrize("backend", ["engine", "pytorch"])
async def test_the_models_own_end_token_counts_and_is_not_shown(open_engine: Open, model: Path, backend: str) -> None:
    async with open_engine(backend) as session:
        shown, end = await _echo(session, [*_ids(model, "bye"), END, *_ids(model, "never")])
    assert shown == "bye"
    assert end.reason is FinishReason.STOP
    assert end.usage.completion_tokens == len(_ids(model, "bye")) + 1


async def test_a_stop_token_that_the_library_takes_away_still_counts(open_engine: Open, model: Path) -> None:
    stop = _ids(model, "!")[0]
    async with open_engine() as session:
        shown, end = await _echo(session, [*_ids(model, "bye"), stop, *_ids(model, "never")], stop_token_ids=[stop])
    assert shown == "bye"
    assert end.reason is FinishReason.STOP
    assert end.usage.completion_tokens == len(_ids(model, "bye")) + 1


async def test_a_stop_token_is_a_stop_although_the_library_counted_first(open_engine: Open, model: Path) -> None:
    stop = _ids(model, "!")[0]
    bye = _ids(model, "bye")
    async with open_engine("pytorch", {"counts_first": True}) as session:
        prompt, last = [ECHO, *bye, stop, *_ids(model, "never")], len(bye) + 1
        request_id = session.opened.submit(last, prompt_ids=prompt, stop_token_ids=[stop])
        end = await session.opened.recorder.end(request_id)
    assert isinstance(end, Finished)
    assert (end.reason, end.usage.completion_tokens) == (FinishReason.STOP, last)
    assert session.opened.recorder.text(request_id) == "bye"


async def test_only_the_pytorch_backend_knows_how_much_came_from_the_cache(open_engine: Open) -> None:
    known = []
    for backend in ("engine", "pytorch"):
        async with open_engine(backend) as session:
            await session.opened.recorder.end(session.opened.submit(2))
            end = await session.opened.recorder.end(session.opened.submit(2))
        assert isinstance(end, Finished)
        known.append(end.usage.cached_tokens)
    assert known == [None, 32]


async def test_a_request_that_fails_in_the_worker_fails_alone(open_engine: Open) -> None:
    async with open_engine() as session:
        neighbour, bad = session.opened.submit(16), session.opened.submit(16, prompt_ids=[FAIL, 1, 2])
        end = await session.opened.recorder.end(bad)
        assert isinstance(await session.opened.recorder.end(neighbour), Finished)
    assert isinstance(end, Failed)
    assert isinstance(end.error, TurnFailed)
    assert "illegal memory access" in str(end.error)


async def test_no_more_requests_run_at_once_than_the_batch_size_that_was_set(open_engine: Open) -> None:
    async with open_engine(batch_size=2) as session:
        assert session.info.max_running == 2
        ids = [session.opened.submit(session.opened.longest()) for _ in range(BATCH)]
        recorder = session.opened.recorder
        await recorder.until(lambda: len(recorder.deltas(ids[0])) > 20 and len(recorder.deltas(ids[1])) > 20)
        assert not any(recorder.deltas(request_id) for request_id in ids[2:])


async def test_seeds_decide_what_equal_prompts_get(open_engine: Open) -> None:
    async with open_engine() as session:
        texts = []
        for seed in (1, 2, 1):
            request_id = session.opened.submit(16, sampling=Sampling(temperature=0.8), seed=seed)
            await session.opened.recorder.end(request_id)
            texts.append(session.opened.recorder.text(request_id))
        given = [sampled.values for sampled in session.llm.sampled]
    assert texts[0] == texts[2] != texts[1]
    assert all(values["max_tokens"] == 16 and "stop" not in values for values in given)


async def test_banned_tokens_never_come(open_engine: Open, model: Path) -> None:
    allowed = range(500, 512)
    banned = dict.fromkeys(range(500), -100.0)
    async with open_engine(logit_bias=banned, banned_phrases=("bad fak",)) as session:
        request_id = session.opened.submit(32)
        await session.opened.recorder.end(request_id)
        values = session.llm.sampled[0].values
        text = session.opened.recorder.text(request_id)
        pieces = {session.llm.tokenizer.decode([token]) for token in allowed}
    assert values["bad_token_ids"] == list(range(500))
    assert values["bad"] == ["bad fak"]
    assert re.fullmatch(f"(?:{'|'.join(map(re.escape, pieces))})+", text)


async def test_a_bias_that_is_no_ban_is_refused_with_one_warning_per_process(open_engine: Open, model: Path) -> None:
    said: list[str] = []
    unhonoured = Unhonoured(lambda key, why: said.append(f"{key}: {why}"))
    for _ in range(2):
        async with open_engine(unhonoured=unhonoured, logit_bias={_ids(model, "b")[0]: 5.0, 11: -100.0}) as session:
            await session.opened.recorder.end(session.opened.submit(2))
            assert session.llm.sampled[0].values["bad_token_ids"] == [11]
    assert len(said) == 1
    assert said[0].startswith("CHAT_LOGIT_BIAS_FILE: ")
    assert said[0].endswith(": 'b'")
    assert unhonoured.keys == ("CHAT_LOGIT_BIAS_FILE",)


async def test_a_sampling_key_that_the_library_lacks_is_left_out_with_one_warning(
    open_engine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorrt_llm import SamplingParams

    signature = SamplingParams.__signature__
    fewer = [value for value in signature.parameters.values() if value.name != "min_p"]
    monkeypatch.setattr(SamplingParams, "__signature__", signature.replace(parameters=fewer))
    async with open_engine() as session:
        for _ in range(2):
            request_id = session.opened.submit(2, sampling=Sampling(min_p=0.1))
            assert isinstance(await session.opened.recorder.end(request_id), Finished)
        assert [warning.split(":")[0] for warning in session.warnings] == ["min_p"]


async def test_a_library_that_shut_itself_down_is_a_dead_engine(open_engine: Open) -> None:
    # What it does after a serious error of one request, as its own pitfalls go.
    async with open_engine(behaviour={"ignores_aborts": True}) as session:
        running = session.opened.submit(session.opened.longest())
        await session.opened.recorder.until(lambda: bool(session.opened.recorder.deltas(running)))
        session.llm._executor, executor = None, session.llm._executor
        late = session.opened.submit(2)
        end = await session.opened.recorder.end(late)
        assert isinstance(end, Failed)
        assert isinstance(end.error, EngineDead)
        with pytest.raises(EngineDead, match="shutting down"):
            await session.engine.watch()
        session.llm._executor = executor


async def test_an_abort_without_a_confirmation_stays_unconfirmed(open_engine: Open) -> None:
    # The engine actor's deadline makes a hung engine of it; the adapter claims nothing that it does not know.
    async with open_engine(behaviour={"ignores_aborts": True}) as session:
        request_id = session.opened.submit(session.opened.longest())
        await session.opened.recorder.until(lambda: bool(session.opened.recorder.deltas(request_id)))
        seen = len(session.opened.recorder.outputs[request_id])
        session.engine.abort(request_id)
        await trio.sleep(0.2)
        late = session.opened.recorder.outputs[request_id][seen:]
        assert all(isinstance(output, Delta) and output.text == "" and output.tokens for output in late)


async def test_a_request_aborted_before_the_engine_saw_it_is_never_submitted(open_engine: Open) -> None:
    async with open_engine() as session:
        request_id = session.opened.submit(8)
        session.engine.abort(request_id)
        assert await session.opened.recorder.end(request_id) == Aborted()
        assert session.llm.sampled == []


async def test_requests_are_refused_before_the_engine_is_open_and_after_it_was_closed(open_engine: Open) -> None:
    request = GenerationRequest(id="r", prompt_ids=(1, 2), sampling=Sampling(), max_tokens=2)
    with pytest.raises(EngineUnavailable):
        TrtEngine(TrtConfig(model="m", max_model_len=8, max_output_len=2)).submit(request)
    async with open_engine() as session:
        session.engine.submit(request)
        with pytest.raises(ValueError, match="in use"):
            session.engine.submit(request)
    with pytest.raises(EngineUnavailable):
        session.engine.submit(request)
