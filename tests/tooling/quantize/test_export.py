"""Which export is made of which model."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.tooling.quantize.shapes import COMMIT, LLAMA, model, settings
from tooling.models import Model
from tooling.preparing import Step
from tooling.quantize import environment, shape
from tooling.quantize.export import export_step, machine_trouble
from tooling.quantize.job import Job
from tooling.refusal import REFUSED, Refusal

HOME = Path("/home/me/.cache/yap")


def decided(subject: Model | None = None, quantisation: str = "4bit", **environ: str) -> Step:
    made = export_step(subject or model(), settings(quantisation, **environ), ["a GPU"], eight_bit=True)
    assert made is not None
    return made


def test_4bit_is_awq_with_the_settings_of_the_guide() -> None:
    step = decided()
    job = Job.from_json(json.loads(json.dumps(step.job)))
    assert (job.method, job.scheme) == ("awq", "W4A16_ASYM")
    assert job.calibration is not None
    assert (job.calibration.name, job.calibration.samples, job.calibration.tokens) == ("open_platypus", 64, 2048)
    assert job.awq == {"duo_scaling": "both", "n_grid": 20}
    assert job.ignore[0] == "lm_head"
    assert (job.model, job.revision) == ("org/Some-Model-8B", COMMIT)
    assert step.makes(HOME) == HOME / "quant" / f"some-model-8b-w4a16_asym-{job.key}"
    assert step.needs_gpu
    assert step.program == (str(environment.PYTHON), "-m", "tooling.quantize.worker")


def test_8bit_needs_no_texts_and_no_gpu_and_is_not_made_for_a_launch() -> None:
    assert export_step(model(), settings("8bit"), []) is None
    step = export_step(model(), settings("8bit"), [], eight_bit=True)
    assert step is not None
    assert (step.job["method"], step.job["scheme"], step.job["calibration"]) == ("fp8", "FP8_DYNAMIC", None)
    assert not step.needs_gpu


@pytest.mark.parametrize("quantisation", ["auto", "none", "gptq"])
def test_nothing_is_made_where_nothing_is_asked_for(quantisation: str) -> None:
    assert export_step(model(), settings(quantisation), ["a GPU"], eight_bit=True) is None


@pytest.mark.parametrize("quantisation", ["4bit", "awq", "8bit", "fp8"])
@pytest.mark.parametrize(
    "section",
    [
        {"quant_method": "awq", "bits": 4},
        {"quant_method": "gptq", "bits": 4},
        {"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"type": "float", "num_bits": 8}}}},
    ],
)
def test_what_is_quantised_is_used_as_it_is(quantisation: str, section: dict[str, Any]) -> None:
    assert export_step(model(quantization_config=section), settings(quantisation), [], eight_bit=True) is None


def test_awq_without_a_gpu_is_refused_with_both_ways_out_and_a_plan_is_not() -> None:
    lacking = machine_trouble(model(), settings(), [])
    assert re.search(r"needs a GPU.*8bit.*--no-calibration", str(lacking[0]))
    assert lacking[0].exit_code == REFUSED
    assert not any("GPU" in str(each) for each in machine_trouble(model(), settings("8bit"), []))
    assert not any("GPU" in str(each) for each in machine_trouble(model(), settings(), [], calibrate=False))
    assert export_step(model(), settings(), None) is not None
    plain = export_step(model(), settings(), [], calibrate=False)
    assert plain is not None
    assert (plain.job["method"], plain.job["calibration"], plain.job["awq"]) == ("round", None, None)
    assert not plain.needs_gpu


@pytest.mark.parametrize("architecture", ["BertForSequenceClassification", "ModernBertModel", "T5EncoderModel"])
def test_encoders_and_tool_models_stay_float(architecture: str) -> None:
    with pytest.raises(Refusal, match=f"no chat model but {architecture}"):
        decided(model(architectures=[architecture]))


@pytest.mark.parametrize(
    "subject",
    [
        Model(
            name="org/x-trt-awq",
            revision=COMMIT,
            files={"config.json": {"architecture": "LlamaForCausalLM", "quantization": {"quant_algo": "W4A16_AWQ"}}},
            listing=(("config.json", 1), ("rank0.safetensors", 1)),
        ),
        Model(
            name="org/x-engine",
            revision=COMMIT,
            files={"config.json": {"build_config": {}, "pretrained_config": {}}},
            listing=(("config.json", 1), ("rank0.engine", 1)),
        ),
    ],
)
def test_what_tensorrt_llm_made_is_refused(subject: Model) -> None:
    with pytest.raises(Refusal, match="TensorRT-LLM's"):
        decided(subject)


def test_columns_that_fill_no_groups_are_named_and_8bit_takes_them() -> None:
    narrow = model(hidden_size=576, num_attention_heads=9, intermediate_size=1500)
    with pytest.raises(
        Refusal, match=r"hidden_size is 576, intermediate_size is 1500, num_attention_heads x head_dim is 576.*8bit"
    ):
        decided(narrow)
    assert decided(narrow, "8bit").job["scheme"] == "FP8_DYNAMIC"


def test_what_is_wrong_with_a_model_and_its_texts_is_told_at_once() -> None:
    odd = model(architectures=["BertForSequenceClassification"], intermediate_size=1500)
    with pytest.raises(
        Refusal, match=r"(?s)no chat model.*intermediate_size is 1500.*neither a known data set"
    ) as said:
        decided(odd, AWQ_CALIB_DATASET="platypus")
    assert said.value.exit_code == REFUSED


def test_an_experts_own_width_counts_and_the_dense_one_that_no_layer_has_does_not() -> None:
    experts: dict[str, Any] = {"num_experts": 8, "moe_intermediate_size": 768, "intermediate_size": 1000}
    assert decided(model(**experts)).job["is_moe"]
    with pytest.raises(Refusal, match="moe_intermediate_size is 700"):
        decided(model(**{**experts, "moe_intermediate_size": 700}))


def test_a_model_that_sees_keeps_what_it_sees_with() -> None:
    config = {
        "architectures": ["LlavaForConditionalGeneration"],
        "text_config": dict(LLAMA),
        "vision_config": {"hidden_size": 1000},
    }
    ignore = decided(model(config)).job["ignore"]
    assert isinstance(ignore, tuple)
    assert "re:.*vision_tower.*" in ignore
    assert "re:.*vision_tower.*" not in Job.from_json(decided().job).ignore


def test_texts_are_cut_to_what_the_model_takes_and_never_made_longer() -> None:
    for positions, expected in ((1024, 1024), (8192, 2048)):
        calibration = Job.from_json(decided(model(max_position_embeddings=positions)).job).calibration
        assert calibration is not None
        assert (calibration.tokens, calibration.tokens_requested) == (expected, 2048)


def test_every_input_changes_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "one"}\n')
    steps = [
        decided(),
        decided(quantisation="8bit"),
        decided(evolve(model(), revision="f" * 40)),
        decided(evolve(model(), name="org/other-8B")),
        decided(AWQ_SCHEME="W4A16"),
        decided(AWQ_NSAMPLES="65"),
        decided(AWQ_SEQLEN="1024"),
        decided(AWQ_CALIB_DATASET="wikitext"),
        decided(AWQ_CALIB_DATASET=str(texts)),
    ]
    plain = export_step(model(), settings(), [], calibrate=False)
    assert plain is not None
    steps.append(plain)
    texts.write_text('{"text": "two"}\n')
    steps.append(decided(AWQ_CALIB_DATASET=str(texts)))
    pins = environment.versions()
    for tool in environment.TOOLS:
        monkeypatch.setattr("tooling.quantize.export.versions", lambda tool=tool: {**pins, tool: "99"})
        steps.append(decided())
    keys = [step.entry.key for step in steps if step.entry]
    assert len(set(keys)) == len(steps)


def test_what_changes_nothing_leaves_the_key(tmp_path: Path) -> None:
    one, two = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for path in (one, two):
        path.write_text('{"text": "the same"}\n')
    keys = {
        decided(AWQ_CALIB_DATASET=str(one)).job["key"],
        decided(AWQ_CALIB_DATASET=str(two)).job["key"],
        decided(AWQ_CALIB_DATASET=str(two), FORCE_REBUILD="1", AWQ_CACHE_DIR="/elsewhere").job["key"],
    }
    assert len(keys) == 1
    assert decided(AWQ_CALIB_DATASET="Open-Platypus").job["key"] == decided().job["key"]


def test_exports_live_where_the_setting_says_and_are_made_anew_when_asked() -> None:
    step = decided(AWQ_CACHE_DIR="/big/disk")
    assert step.makes(HOME) == Path(f"/big/disk/some-model-8b-w4a16_asym-{step.job['key']}")
    assert not step.anew
    assert decided(FORCE_REBUILD="1").anew


@pytest.mark.parametrize(("bits", "least", "most"), [(4, 5.5e9, 6.5e9), (8, 9.0e9, 10e9)])
def test_room_is_that_of_the_embeddings_and_of_smaller_weights(bits: int, least: float, most: float) -> None:
    # Llama 3.1 8B: the published exports take 5.7 and 9.1 GB.
    assert least < shape.export_bytes(LLAMA, 16_060_000_000, bits) < most


@pytest.mark.parametrize("config", [{}, {"hidden_size": "x", "vocab_size": None, "text_config": 3}])
def test_a_config_that_says_nothing_is_no_error(config: dict[str, Any]) -> None:
    assert shape.uneven(config) == {}
    assert shape.longest(config) is None
    assert shape.export_bytes(config, 1000, 4) == 300
    assert decided(model(config)).job["scheme"] == "W4A16_ASYM"


def test_the_pins_of_the_environment_are_those_of_pyproject() -> None:
    assert set(environment.versions()) == set(environment.TOOLS)


def test_without_the_environment_one_sentence_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="just setup quant"):
        environment.require_environment(tmp_path / "python")
