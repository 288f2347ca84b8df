"""From settings and facts to a configuration."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.errors import EngineStartFailed
from engines.quantised import Format
from engines.vllm.planning import Devices, Plan, Wanted, plan
from engines.vllm.sizing import Sizing, max_num_seqs
from engines.vllm.traits import ModelFacts, kv_cache_dtype

LLAMA = ModelFacts.of({"model_type": "llama", "max_position_embeddings": 8192})
H200 = Devices(total_gib=(139.8,), free_gib=(139.0,))


def _plan(
    wanted: dict[str, Any] | None = None,
    model: ModelFacts = LLAMA,
    checkpoint: Format | None = None,
    devices: Devices = H200,
    packages: Sequence[str] = ("ray",),
) -> Plan:
    values = Wanted(model="org/name", **(wanted or {}))
    return plan(values, model, checkpoint, devices, is_importable=lambda package: package in packages)


def _complaints(**arguments: Any) -> str:
    with pytest.raises(EngineStartFailed) as caught:
        _plan(**arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("total_gib", "hungry", "expected"),
    [
        (80.0, False, (79, 96, 101, 107)),
        (72.0, False, (79, 96, 101, 107)),
        (None, False, (79, 96, 101, 107)),
        (48.0, False, (59, 72, 76, 80)),
        (40.0, False, (46, 56, 59, 62)),
        (24.0, False, (39, 48, 50, 53)),
    ],
)
def test_running_requests_follow_the_table(total_gib: float | None, hungry: bool, expected: tuple[int, ...]) -> None:
    fractions = (0.70, 0.85, 0.90, 0.95)
    assert tuple(max_num_seqs(f, total_gib, memory_hungry=hungry) for f in fractions) == expected


@pytest.mark.parametrize(("fraction", "expected"), [(0.70, 52), (0.85, 64), (0.90, 64), (0.95, 64)])
def test_a_memory_hungry_model_gets_a_capped_share_and_fewer_requests(fraction: float, expected: int) -> None:
    gemma = ModelFacts.of({"model_type": "gemma2"})
    config = _plan({"gpu_fraction": fraction}, gemma, devices=Devices(total_gib=(80.0,), free_gib=(80.0,))).config
    assert config.max_num_seqs == expected
    assert config.gpu_memory_utilization == min(fraction, 0.85)
    assert config.dtype == "bfloat16"


@given(st.floats(0.01, 0.98), st.none() | st.floats(1, 1000), st.booleans())
def test_running_requests_stay_within_floor_and_ceiling_and_never_fall_with_memory(
    fraction: float, total_gib: float | None, hungry: bool
) -> None:
    count = max_num_seqs(fraction, total_gib, memory_hungry=hungry)
    assert 32 <= count <= 128
    assert max_num_seqs(min(fraction * 1.1, 0.98), total_gib, memory_hungry=hungry) >= count
    if total_gib is not None:
        assert max_num_seqs(fraction, total_gib * 2, memory_hungry=hungry) >= count


def test_the_smallest_gpu_decides_and_a_set_number_replaces_the_formula() -> None:
    mixed = Devices(total_gib=(80.0, 24.0), free_gib=(80.0, 24.0))
    assert _plan({"tensor_parallel": 2}, devices=mixed).config.max_num_seqs == 50
    assert _plan({"max_num_seqs": 7}, devices=mixed).config.max_num_seqs == 7
    assert max_num_seqs(0.85, 80, sizing=Sizing(baseline=40)) == 40


@pytest.mark.parametrize(
    ("asked", "checkpoint", "passed", "warns"),
    [
        ("auto", None, None, False),
        ("auto", Format.GPTQ, None, False),
        ("none", None, None, False),
        ("8bit", None, "fp8_per_channel", False),
        ("fp8", None, "fp8_per_channel", False),
        ("fp8", Format.FP8, None, False),
        ("8bit", Format.AWQ, None, True),
        ("4bit", Format.AWQ, None, False),
        ("awq", Format.GPTQ, None, False),
        ("4bit", Format.FP8, None, True),
        ("awq", None, None, True),
        ("gptq", Format.GPTQ, None, False),
    ],
)
def test_quantisation_is_passed_only_to_make_it(
    asked: str, checkpoint: Format | None, passed: str | None, warns: bool
) -> None:
    made = _plan({"quantization": asked}, checkpoint=checkpoint)
    assert made.config.quantization == passed
    assert bool(made.warnings) == warns


@pytest.mark.parametrize(
    ("asked", "checkpoint"),
    [("none", Format.AWQ), ("gptq", None), ("gptq_marlin", Format.AWQ), ("int8_sq", None)],
)
def test_a_quantisation_that_cannot_be_had_is_refused(asked: str, checkpoint: Format | None) -> None:
    assert f"CHAT_QUANTIZATION is {asked}" in _complaints(wanted={"quantization": asked}, checkpoint=checkpoint)


def test_every_complaint_is_told_at_once() -> None:
    text = _complaints(
        wanted={
            "max_len": 9000,
            "attention_backend": "FLASHINFER",
            "tensor_parallel": 2,
            "max_num_batched_tokens": 16,
            "quantization": "int8_sq",
        },
        model=ModelFacts.of({"model_type": "deepseek_v3", "max_position_embeddings": 4096}),
        devices=Devices(total_gib=(80.0,), free_gib=(20.0,)),
    )
    assert len(text.splitlines()) == 6
    for words in ("9000", "4096", "MLA", "2 GPUs, 1 visible", "20.0 GiB free of 80.0", "wants 72.0 GiB", "at least"):
        assert words in text


def test_a_missing_package_is_named() -> None:
    assert "package fla" in _complaints(model=ModelFacts.of({"model_type": "kimi_linear"}))


def test_ray_may_span_more_gpus_than_are_visible_and_a_fixed_cache_needs_no_share() -> None:
    wanted = {"tensor_parallel": 4, "distributed_backend": "ray", "kv_cache_bytes": 1 << 30}
    config = _plan(wanted, devices=Devices(total_gib=(80.0,), free_gib=(1.0,))).config
    assert (config.tensor_parallel, config.distributed_backend, config.kv_cache_bytes) == (4, "ray", 1 << 30)


def test_ray_has_to_be_there_to_be_used() -> None:
    assert "install the Python package ray" in _complaints(wanted={"distributed_backend": "ray"}, packages=())


def test_gpus_that_the_engine_does_not_use_need_no_free_memory() -> None:
    beside = Devices(total_gib=(80.0, 24.0), free_gib=(80.0, 1.0))
    assert _plan(devices=beside).config.max_num_seqs == 101
    assert "GPU 1 has 1.0 GiB free" in _complaints(wanted={"data_parallel": 2}, devices=beside)
    assert "GPU 1 has 1.0 GiB free" in _complaints(wanted={"distributed_backend": "ray"}, devices=beside)


def test_an_mla_backend_suits_an_mla_model() -> None:
    facts = ModelFacts.of({"model_type": "deepseek_v2"})
    assert _plan({"attention_backend": "FLASH_ATTN_MLA"}, facts).config.attention_backend == "FLASH_ATTN_MLA"


@pytest.mark.parametrize(("asked", "passed"), [("auto", "auto"), ("fp8", "fp8"), ("int8", "int8_per_token_head")])
def test_kv_dtypes_have_the_engines_names(asked: str, passed: str) -> None:
    assert kv_cache_dtype(asked) == passed


def test_a_multimodal_models_limits_are_those_of_its_text_part() -> None:
    facts = ModelFacts.of({"model_type": "gemma3", "text_config": {"max_position_embeddings": 131072}})
    assert (facts.max_len, facts.memory_hungry, facts.dtype) == (131072, True, "bfloat16")
    scaled = ModelFacts.of({"max_position_embeddings": 4096, "rope_scaling": {"factor": 8.0}})
    newer = ModelFacts.of({"max_position_embeddings": 4096, "rope_parameters": {"rope_type": "yarn", "factor": 8.0}})
    plain = ModelFacts.of({"max_position_embeddings": 4096, "rope_parameters": {"rope_type": "default"}})
    assert (newer.max_len, plain.max_len) == (None, 4096)
    assert scaled.max_len is None
