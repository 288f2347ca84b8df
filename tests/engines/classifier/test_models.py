"""The classifier on real models of every type that has a row, small and with random weights.

The reference is the library used plainly: one text at a time, without padding, cut by hand.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import trio
from attrs import define, field

from engines.base import Progress
from engines.classifier import ClassifierConfig, ClassifierEngine, ClassifierInfo, warm_up
from engines.classifier.model import Model
from engines.errors import EngineDead, EngineStartFailed, TurnFailed
from tests.engines.classifier.conftest import Maker

TYPES = ["bert", "modernbert", "roberta", "longformer"]
LONG = " ".join(["one two three four five six seven"] * 40) + " the end"
TEXTS = ["what do you see", "a", LONG, "tell me a story\nabout a boat", ""]


@asynccontextmanager
async def opened(model: Path, **values: Any) -> AsyncIterator[tuple[ClassifierEngine, ClassifierInfo]]:
    config = ClassifierConfig(model=str(model), **{"device": "cpu", "threads": 1, **values})
    engine = ClassifierEngine(config)
    with trio.fail_after(120):
        try:
            yield engine, await engine.open(lambda line: None)
        finally:
            await engine.close()


def reference(directory: Path, texts: Sequence[str], max_length: int, column: int | None) -> list[float]:
    """Probabilities by the library alone."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(directory).eval()
    room = max_length - tokenizer.num_special_tokens_to_add()
    found = []
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"][-room:]
        framed = tokenizer.decode([])  # an empty text, framed below by the tokenizer's own special tokens
        frame = tokenizer(framed)["input_ids"]
        row = torch.tensor([[*frame[:1], *ids, *frame[1:]]])
        inputs = {"input_ids": row, "attention_mask": torch.ones_like(row)}
        if network.config.model_type == "longformer":
            inputs["global_attention_mask"] = torch.zeros_like(row)
            inputs["global_attention_mask"][:, 0] = 1
        with torch.inference_mode():
            logits = network(**inputs).logits[0]
        found.append(float(torch.sigmoid(logits[0]) if column is None else logits.softmax(-1)[column]))
    return found


@pytest.mark.parametrize("model_type", TYPES)
async def test_a_batch_says_what_the_library_says_of_each_text_alone(model_type: str, make_model: Maker) -> None:
    directory = make_model(model_type)
    async with opened(directory) as (engine, info):
        together = await engine.classify(TEXTS)
        alone = [(await engine.classify([text]))[0] for text in TEXTS]
    expected = reference(directory, TEXTS, info.max_length, 1)
    assert together == pytest.approx(expected, abs=1e-4)
    assert alone == pytest.approx(expected, abs=1e-4)
    assert len({round(score, 3) for score in expected}) > 2


@pytest.mark.parametrize(
    ("model_type", "max_length", "special"),
    # Of RoBERTa's and Longformer's tables the first two rows belong to padding.
    [("bert", 64, 2), ("modernbert", 128, 2), ("roberta", 64, 2), ("longformer", 96, 2)],
)
async def test_lengths_end_where_the_position_table_does(
    model_type: str, max_length: int, special: int, make_model: Maker
) -> None:
    async with opened(make_model(model_type)) as (engine, info):
        assert info.max_length == max_length
        assert info.measure.budget == max_length - special
        assert info.facts["model_type"] == model_type
        assert info.facts["dtype"] == "float32"
        await warm_up(engine, info)


async def test_a_table_that_is_no_multiple_of_eight_is_used_to_its_last_row(make_model: Maker) -> None:
    directory = make_model("bert", max_position_embeddings=21)
    async with opened(directory) as (engine, info):
        assert info.max_length == 21
        assert await engine.classify([LONG, "a"]) == pytest.approx(reference(directory, [LONG, "a"], 21, 1), abs=1e-4)


async def test_a_long_text_is_decided_by_its_end(make_model: Maker) -> None:
    async with opened(make_model("roberta"), max_length=16) as (engine, _):
        whole, other_start, other_end = await engine.classify([LONG, f"hello {LONG}", f"{LONG} boat"])
    assert whole == pytest.approx(other_start, abs=1e-5)
    assert whole != pytest.approx(other_end, abs=1e-4)


@define
class Recorder:
    """A classifier that only remembers what it was asked."""

    asked: list[list[str]] = field(factory=list)

    async def open(self, progress: Progress) -> ClassifierInfo:
        raise NotImplementedError("warm-up gets an opened classifier")

    async def classify(self, texts: Sequence[str]) -> Sequence[float]:
        self.asked.append(list(texts))
        await trio.lowlevel.checkpoint()
        return [0.5] * len(texts)

    async def close(self) -> None:
        raise NotImplementedError("warm-up closes nothing")


@pytest.mark.parametrize("model_type", TYPES)
async def test_warm_up_is_one_text_alone_and_then_a_full_batch_at_full_length(
    model_type: str, make_model: Maker
) -> None:
    recorder = Recorder()
    async with opened(make_model(model_type)) as (_, info):
        await warm_up(recorder, info)
        first, second = recorder.asked
        assert len(first) == 1
        assert len(second) == info.batching.max_size
        assert all(info.measure.count(text) > info.max_length for text in second)


async def test_a_longformer_looks_at_its_first_token_from_everywhere(make_model: Maker) -> None:
    """Without global attention there the answer is another one, so the mask is known to arrive."""
    directory = make_model("longformer")
    async with opened(directory) as (engine, info):
        found = await engine.classify([LONG])
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(directory).eval()
    tokenizer.truncation_side = "left"
    inputs = tokenizer([LONG], truncation=True, max_length=info.max_length, return_tensors="pt")
    inputs = {name: values for name, values in inputs.items() if name != "token_type_ids"}
    with torch.inference_mode():
        local = network(**inputs, global_attention_mask=torch.zeros_like(inputs["input_ids"])).logits.softmax(-1)[0, 1]
    assert found[0] != pytest.approx(float(local), abs=1e-4)


@pytest.mark.parametrize(("labels", "column"), [(1, None), (2, 1)])
async def test_one_logit_is_read_by_sigmoid_and_two_by_softmax(
    labels: int, column: int | None, make_model: Maker
) -> None:
    directory = make_model("bert", num_labels=labels)
    async with opened(directory) as (engine, _):
        found = await engine.classify(TEXTS[:2])
    assert found == pytest.approx(reference(directory, TEXTS[:2], 64, column), abs=1e-4)


async def test_the_yes_label_is_found_by_name_and_by_setting(make_model: Maker) -> None:
    names = {0: "take_screenshot", 1: "chat", 2: "other"}
    directory = make_model("bert", id2label=names, label2id={name: index for index, name in names.items()})
    async with opened(directory) as (engine, info):
        assert info.facts["yes_label"] == "take_screenshot"
        assert await engine.classify(["a"]) == pytest.approx(reference(directory, ["a"], 64, 0), abs=1e-4)
    async with opened(directory, positive_label="other") as (engine, _):
        assert await engine.classify(["a"]) == pytest.approx(reference(directory, ["a"], 64, 2), abs=1e-4)
    with pytest.raises(EngineStartFailed, match="TOOL_POSITIVE_LABEL"):
        async with opened(make_model("bert", num_labels=3)):
            pass


async def test_a_model_without_a_padding_token_reads_each_text_alone(make_model: Maker) -> None:
    directory = make_model("gpt2")
    async with opened(directory) as (engine, info):
        found = await engine.classify(TEXTS[:4])
        alone = [(await engine.classify([text]))[0] for text in TEXTS[:4]]
    assert info.measure.budget == info.max_length == 64
    assert found == pytest.approx(alone, abs=1e-6)


async def test_padding_goes_to_the_side_that_the_tokenizer_says(make_model: Maker) -> None:
    async with opened(make_model("bert")) as (engine, _):
        model = loaded(engine)
        model.tokenizer.padding_side = "left"
        assert model._padded("input_ids", [7, 8], 4) == [0, 0, 7, 8]
        assert model._padded("attention_mask", [1, 1], 4) == [0, 0, 1, 1]
        mask = model._global_mask([[7, 8], [5, 6, 7]], torch.zeros((2, 4), dtype=torch.long), 4)
        assert mask.tolist() == [[0, 0, 1, 0], [0, 1, 0, 0]]


def loaded(engine: ClassifierEngine) -> Model:
    assert engine._loaded is not None
    return engine._loaded.model


async def test_counting_is_without_special_tokens_while_batches_are_read(make_model: Maker) -> None:
    """Several threads count while the worker truncates: neither sees the other's settings."""
    async with opened(make_model("roberta"), max_length=8) as (engine, info):
        expected = info.measure.count(LONG)
        assert expected > 100
        counts: list[int] = []

        async def count() -> None:
            for _ in range(20):
                counts.append(await trio.to_thread.run_sync(info.measure.count, LONG))

        async def classify() -> None:
            for _ in range(20):
                await engine.classify([LONG, "a"])

        async with trio.open_nursery() as nursery:
            for task in (count, count, classify):
                nursery.start_soon(task)
    assert counts == [expected] * 40
    assert info.measure.newline_tokens == 1


async def test_the_loop_turns_while_a_model_loads_and_reads(make_model: Maker) -> None:
    lines: list[str] = []
    engine = ClassifierEngine(ClassifierConfig(model=str(make_model("bert")), device="cpu", threads=1))
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(turn)
            await engine.open(lines.append)
            await engine.classify(["a"])
            nursery.cancel_scope.cancel()
        await engine.close()
    assert turns > 10
    assert lines[0] == "importing torch and transformers"


async def test_a_failed_inference_leaves_the_engine_usable_and_quotes_no_text(make_model: Maker) -> None:
    async with opened(make_model("bert")) as (engine, _):
        with pytest.raises(TurnFailed) as failure:
            await engine.classify(["my secret words", 5])  # type: ignore[list-item]
        assert "secret" not in str(failure.value)
        assert len(await engine.classify(["a"])) == 1
    with pytest.raises(EngineDead):
        await engine.classify(["a"])


async def test_a_model_that_is_not_there_is_a_start_error(tmp_path: Path) -> None:
    with pytest.raises(EngineStartFailed, match="cannot be loaded"):
        async with opened(tmp_path):
            pass


async def test_code_of_the_models_own_needs_a_yes(tmp_path: Path, make_model: Maker) -> None:
    source = make_model("bert")
    for path in source.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((source / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text("raise SystemExit('this must not run')\n")
    with pytest.raises(EngineStartFailed, match="TOOL_TRUST_REMOTE_CODE=1"):
        async with opened(tmp_path):
            pass


async def test_a_checkpoint_without_a_trained_head_is_a_start_error(tmp_path: Path, make_model: Maker) -> None:
    source = make_model("bert")
    transformers.AutoTokenizer.from_pretrained(source).save_pretrained(tmp_path)
    transformers.AutoModel.from_pretrained(source).save_pretrained(tmp_path)
    with pytest.raises(EngineStartFailed, match=r"lacks classifier\.bias"):
        async with opened(tmp_path):
            pass


async def test_a_model_that_overflows_fails_its_warm_up(make_model: Maker) -> None:
    async with opened(make_model("bert")) as (engine, info):
        loaded(engine).network.classifier.weight.data.fill_(float("nan"))
        with pytest.raises(EngineStartFailed, match="no numbers"):
            await warm_up(engine, info)


async def test_a_length_beyond_the_model_is_clamped_with_a_warning(make_model: Maker) -> None:
    async with opened(make_model("bert"), max_length=512) as (_, info):
        assert info.max_length == 64
        assert [warning.split()[0] for warning in info.warnings] == ["TOOL_MAX_LENGTH=512"]
