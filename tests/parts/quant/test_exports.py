"""Real exports on this machine's CPU, read back by others than who made them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.e2e.client import connected, text_of
from tests.e2e.program import Program
from tests.parts.quant.conftest import PATIENCE_S, Quantizer, asked_of, spoken
from tests.tooling.quantize.shapes import settings
from tooling.models import read_directory
from tooling.preparing import carry_out
from tooling.quantize.calibration import NAMES, NOT_TEXT
from tooling.quantize.export import export_step
from tooling.quantize.worker.artifact import tensors

pytestmark = pytest.mark.engine

TALKS = ("how are you today", "tell me a joke", "what is your name", "do you like music", "it rains here all day")
START_S = 300.0


def metadata_of(place: Path) -> dict[str, Any]:
    told = json.loads((place / "awq_metadata.json").read_text())
    assert isinstance(told, dict)
    return told


@pytest.fixture(scope="module")
def by_awq(toy: Path, quantizer: Quantizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy by AWQ, calibrated with talks of a local file."""
    texts = tmp_path_factory.mktemp("texts") / "talks.jsonl"
    talks = [
        [{"role": "user", "content": f"Hello, {talk}?"}, {"role": "assistant", "content": "Well."}] for talk in TALKS
    ]
    texts.write_text("".join(json.dumps({"messages": talk}) + "\n" for talk in talks))
    asked = settings("4bit", AWQ_CALIB_DATASET=str(texts), AWQ_NSAMPLES="4", AWQ_SEQLEN="32")
    step = export_step(read_directory(toy), asked, ["a GPU, as far as the decision goes"])
    assert step is not None
    # Few steps of the search: what is tried is that it is done, not how well.
    few = evolve(
        step,
        program=(step.program[0], "-m", "tests.parts.quant.unpinned"),
        job={**step.job, "awq": {"duo_scaling": "both", "n_grid": 4}},
    )
    lines: list[str] = []
    place, result = carry_out(few, quantizer.home, os.environ, lines.append)  # noqa: TID251 - its worker needs a PATH
    assert place is not None
    assert result["layers"] == 14
    assert any("calibration data: talks.jsonl" in line for line in lines)
    return place


def test_awq_is_what_its_metadata_says(by_awq: Path, toy: Path) -> None:
    told = metadata_of(by_awq)
    assert told["scheme"] == "W4A16_ASYM"
    assert told["quantization_config"]["config_groups"]["group_0"]["weights"]["symmetric"] is False
    assert told["calibration_dataset"]["effective"] == "talks.jsonl"
    assert len(told["calibration_dataset"]["revision"]) == 64
    seen = told["calibration_config"]
    assert (seen["num_samples_requested"], seen["num_samples"], seen["max_seq_length"]) == (4, 4, 32)
    assert seen["chat_template"] is True
    assert (told["gpu_name"], told["sm_arch"]) == (None, None)
    assert told["source_model"] == toy.name
    held = tensors(by_awq)
    assert sum(name.endswith("weight_packed") for name in held) == told["quantized_layers"] == 14
    assert "AWQModifier" in (by_awq / "recipe.yaml").read_text()
    card = (by_awq / "README.md").read_text()
    assert 'license: "apache-2.0"' in card
    assert "talks.jsonl" in card


@pytest.fixture(scope="module")
def served(by_awq: Path) -> Iterator[Program]:
    """That export, served by vLLM on this CPU."""
    running = Program(
        {
            "INFERENCE_ENGINE": "vllm",
            "CHAT_MODEL": str(by_awq),
            "CHAT_MAX_LEN": "2048",
            "CHAT_PROMPT_MAX_TOKENS": "500",
            "HISTORY_MAX_TOKENS": "800",
            "TRIMMED_HISTORY_LENGTH": "700",
            "CHAT_MAX_NUM_SEQS": "2",
            "CHAT_KV_CACHE_BYTES": "67108864",
            "ENFORCE_EAGER": "1",
        },
    )
    try:
        yield running.wait_ready(START_S)
    finally:
        running.bury()


async def test_vllm_serves_it_as_it_is(served: Program) -> None:
    async with connected(served.port) as client:
        await client.start("r-1", "Hello, how are you?", sampling={"temperature": 0})
        assert text_of(await client.rest()).strip()


def test_4_bits_without_calibration_need_neither_gpu_nor_texts(toy: Path, quantizer: Quantizer) -> None:
    made = quantizer.make("4bit", "--no-calibration", str(toy), AWQ_SCHEME="W4A16")
    place = Path(str(made["path"]))
    assert made["scheme"] == "W4A16"
    told = metadata_of(place)
    assert told["calibration_dataset"]["effective"] is None
    assert told["quantization_config"]["config_groups"]["group_0"]["weights"]["symmetric"] is True
    assert not any(name.endswith("zero_point") for name in tensors(place))
    assert quantizer.make("4bit", "--no-calibration", str(toy), AWQ_SCHEME="W4A16")["was_there"] is True


def test_8_bits_of_a_real_model_say_what_the_model_says(small: Path, quantizer: Quantizer) -> None:
    made = quantizer.make("8bit", str(small))
    place = Path(str(made["path"]))
    assert made["layers"] == 210
    before, after = made["perplexity_before"], made["perplexity_after"]
    assert isinstance(before, float)
    assert isinstance(after, float)
    assert 10 < before < 60
    assert after < before * 1.15
    assert {entry.dtype for name, entry in tensors(place).items() if name.endswith("q_proj.weight")} == {"F8_E4M3"}
    assert not (place / "key.json").read_text().startswith('{"builder":1,"numbers"'), "the source's own key came along"
    source, export = spoken(small, place)
    first = [one[:4] == two[:4] for one, two in zip(source, export, strict=True)]
    assert sum(first) >= 2, (source, export)


def test_data_sets_known_by_name_come_through_the_librarys_registry(toy: Path) -> None:
    found = json.loads(asked_of("registered", toy))
    assert set(found) == set(NAMES) - set(NOT_TEXT)
    for name, told in found.items():
        assert (told["rows"], told["revision"], told["commit"]) == (6, "c0ffee", "c0ffee"), name
        assert told["longest"] <= 16
        assert (
            told["text"].startswith("<|im_start|>") == told["template"] == (name in ("perfectblend", "ultrachat_200k"))
        )
    assert found["ultrachat_200k"]["split"] == "train_sft"
    assert found["gsm8k"]["name"] == "main"
    assert "00000-of-01024" in found["c4"]["data_files"]["train"]


def test_a_model_whose_columns_fill_no_groups_is_refused(small: Path, quantizer: Quantizer) -> None:
    process = quantizer.start("4bit", "--no-calibration", str(small))
    _, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert "hidden_size is 576" in error
