"""Every number that changes a result changes its key, and what changes nothing does not."""

from typing import Any

import attrs
import pytest
from attrs import evolve

from runtime.settings import Settings
from tests.tooling.trt.machine import FOUND
from tests.tooling.trt.test_building import NUMBERS, SIZES
from tooling.trt.recipes import Quantising, Sizes, checkpoint_entry, engine_entry, quantising, sizes

Json = dict[str, Any]
MODEL = {"id": "org/model", "commit": "c0ffee"}
AWQ = evolve(NUMBERS, qformat="int4_awq", kv_cache_dtype=None)
LEAST = {"TEXT_API_KEY": "k", "MAX_CONCURRENT_CONNECTIONS": "8", "CHAT_MODEL": "org/model", "INFERENCE_ENGINE": "trt"}


def other(value: Any) -> Any:
    """Another value of the same type."""
    return "another" if value is None else value + 1 if isinstance(value, int) else f"{value}x"


def checkpoint(numbers: Quantising = AWQ, model: dict[str, str] = MODEL, **versions: str) -> str:
    return checkpoint_entry("model", model, numbers, evolve(FOUND, **versions)).key


def engine(sized: Sizes = SIZES, key: str = "aa", sm: str = "sm90", **versions: str) -> str:
    return engine_entry("model", {"key": key}, sized, evolve(FOUND, **versions), sm).key


@pytest.mark.parametrize("name", [each.name for each in attrs.fields(Quantising)])
def test_every_number_changes_the_checkpoints_key(name: str) -> None:
    change: Json = {name: "fp8" if name == "qformat" else other(getattr(AWQ, name))}
    assert checkpoint(evolve(AWQ, **change)) != checkpoint()


@pytest.mark.parametrize("name", [each.name for each in attrs.fields(Sizes)])
def test_every_size_changes_the_engines_key(name: str) -> None:
    assert engine(evolve(SIZES, **{name: other(getattr(SIZES, name))})) != engine()


def test_model_and_versions_change_the_keys() -> None:
    keys = [
        checkpoint(),
        checkpoint(model={**MODEL, "id": "org/other"}),
        checkpoint(model={**MODEL, "commit": "decaf"}),
        checkpoint(tensorrt_llm="1.2.0"),
        checkpoint(modelopt="0.36"),
        engine(),
        engine(key="bb"),
        engine(sm="sm89"),
        engine(tensorrt_llm="1.2.0"),
        engine(tensorrt="10.13"),
        engine(cuda="13.0"),
    ]
    assert len(set(keys)) == len(keys)


def test_a_checkpoint_is_the_same_for_every_tensorrt_and_cuda() -> None:
    assert checkpoint(tensorrt="10.13", cuda="13.0") == checkpoint()


@pytest.mark.parametrize(
    ("qformat", "without_effect"),
    [("fp8", {"awq_block_size": 64}), ("full_prec", {"awq_block_size": 64, "calib_size": 5, "calib_seqlen": 7})],
)
def test_what_has_no_effect_on_a_format_is_not_in_its_key(qformat: str, without_effect: Json) -> None:
    numbers = evolve(AWQ, qformat=qformat)
    assert checkpoint(evolve(numbers, **without_effect)) == checkpoint(numbers)


@pytest.mark.parametrize(
    ("environ", "config", "expected"),
    [
        ({}, {}, {"calib_seqlen": 5175, "calib_size": 32, "dtype": "float16", "awq_block_size": 128, "tp_size": 1}),
        ({}, {"max_position_embeddings": 4096}, {"calib_seqlen": 4096}),
        ({}, {"text_config": {"max_position_embeddings": 2048}}, {"calib_seqlen": 2048}),
        ({"TRT_CALIB_SEQLEN": "1024"}, {"max_position_embeddings": 4096}, {"calib_seqlen": 1024}),
        ({"TRT_CALIB_SIZE": "8"}, {}, {"calib_size": 8}),
        ({"TRT_CALIB_DATASET": "org/data", "TRT_CALIB_BATCH_SIZE": "4"}, {}, {"calib_dataset": "org/data"}),
        ({"TRT_DTYPE": "bfloat16", "TRT_AWQ_BLOCK_SIZE": "64"}, {}, {"dtype": "bfloat16", "awq_block_size": 64}),
        ({"CHAT_TENSOR_PARALLEL": "2", "CHAT_PIPELINE_PARALLEL": "2"}, {}, {"tp_size": 2, "pp_size": 2}),
        ({"CHAT_MAX_LEN": "4000", "CHAT_MAX_OUT": "100"}, {}, {"calib_seqlen": 4100}),
    ],
)
def test_the_settings_give_the_numbers(
    environ: dict[str, str], config: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = attrs.asdict(quantising(Settings.from_env(LEAST | environ), "int4_awq", config))
    assert found | expected == found


def test_only_awq_is_held_to_the_librarys_most_samples() -> None:
    settings = Settings.from_env(LEAST | {"TRT_CALIB_SIZE": "512"})
    assert quantising(settings, "int4_awq", {}).calib_size == 32
    assert quantising(settings, "fp8", {}).calib_size == 512


@pytest.mark.parametrize(
    ("qformat", "kv"), [("fp8", "fp8"), ("int8_sq", None), ("int4_awq", None), ("full_prec", None)]
)
def test_only_fp8_weights_get_an_fp8_cache(qformat: str, kv: str | None) -> None:
    assert quantising(Settings.from_env(LEAST), qformat, {}).kv_cache_dtype == kv


@pytest.mark.parametrize(("longest", "tokens"), [("5025", 8192), ("20000", 20000)])
def test_a_step_takes_the_longest_input(longest: str, tokens: int) -> None:
    environ = {"TRT_MAX_INPUT_LEN": longest, "TRT_MAX_OUTPUT_LEN": "200"}
    sized = sizes(Settings.from_env(LEAST | environ), 16, (2, 1))
    assert (sized.max_num_tokens, sized.max_seq_len, sized.tp_size) == (tokens, int(longest) + 200, 2)
