"""What a model is, by its name and by its files."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.quantised import Format
from tooling.models.detection import Kind, find
from tooling.models.names import Hint, hint

LLAMA: Mapping[str, Any] = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
# As TensorRT-LLM's quantiser and builder write them.
CHECKPOINT: Mapping[str, Any] = {
    "architecture": "LlamaForCausalLM",
    "dtype": "float16",
    "quantization": {"quant_algo": "W4A16_AWQ", "kv_cache_quant_algo": None, "group_size": 128},
    "mapping": {"world_size": 1, "tp_size": 1},
}
ENGINE: Mapping[str, Any] = {"version": "1.2.1", "pretrained_config": CHECKPOINT, "build_config": {"max_batch_size": 8}}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("org/Llama-8B", Hint(made=None, is_moe=False)),
        ("org/Llama-8B-AWQ", Hint(made=Format.AWQ, is_moe=False)),
        ("org/Llama-8B-quantized.w4a16", Hint(made=Format.AWQ, is_moe=False)),
        ("org/Llama-compressed-tensors", Hint(made=Format.AWQ, is_moe=False)),
        ("org/Llama-int4-AutoRound", Hint(made=Format.AWQ, is_moe=False)),
        ("org/Llama-8B-GPTQ-Int4", Hint(made=Format.GPTQ, is_moe=False)),
        ("org/Llama-8B-TRT-AWQ", Hint(made=Format.AWQ, is_moe=False, is_trt=True, trt_format="int4_awq")),
        ("org/trt_llama.fp8", Hint(made=Format.FP8, is_moe=False, is_trt=True, trt_format="fp8")),
        ("org/llama-trt-int8", Hint(made=Format.INT8, is_moe=False, is_trt=True, trt_format="int8_sq")),
        ("org/llama-trt-int-8", Hint(made=Format.INT8, is_moe=False, is_trt=True, trt_format="int8_sq")),
        ("org/llama-8bit-trt", Hint(made=None, is_moe=False, is_trt=True)),
        ("org/llama-8-bit-trt", Hint(made=None, is_moe=False, is_trt=True)),
        # TensorRT-LLM's name alone says nothing of a checkpoint.
        ("org/llama-trt", Hint(made=None, is_moe=False)),
        ("org/strt-int8", Hint(made=None, is_moe=False)),
        ("org/trtllm-fp8", Hint(made=None, is_moe=False)),
        ("awq-lab/llama", Hint(made=None, is_moe=False)),
        ("trt/llama-fp8", Hint(made=None, is_moe=False)),
        ("/models/awq/llama/", Hint(made=None, is_moe=False)),
        ("org/Qwen3-30B-A3B", Hint(made=None, is_moe=True)),
        ("org/Qwen3-30B-A3.5B-AWQ", Hint(made=Format.AWQ, is_moe=True)),
        ("org/Mixtral-8x7B", Hint(made=None, is_moe=True)),
        ("org/DeepSeek-V3-0324", Hint(made=None, is_moe=True)),
        ("org/ERNIE-4.5-21B", Hint(made=None, is_moe=True)),
        ("org/OLMoE-1B", Hint(made=None, is_moe=True)),
        ("moe-lab/llama", Hint(made=None, is_moe=False)),
        ("org/DeepSeek-V4", Hint(made=None, is_moe=False)),
    ],
)
def test_a_name_is_a_hint(name: str, expected: Hint) -> None:
    assert hint(name) == expected


@given(st.text(max_size=30))
def test_every_name_has_a_hint(name: str) -> None:
    assert isinstance(hint(name), Hint)


def test_a_plain_checkpoint_is_transformers_own() -> None:
    found = find("org/x-awq", {"config.json": LLAMA}, ["config.json", "model.safetensors"])
    assert (found.kind, found.made, found.method, found.is_moe) == (Kind.HF, None, "", False)
    assert found.architecture == "LlamaForCausalLM"


@pytest.mark.parametrize(
    ("algorithm", "made"),
    [("W4A16_AWQ", Format.AWQ), ("FP8", Format.FP8), ("W8A8_SQ_PER_CHANNEL_PER_TOKEN_PLUGIN", Format.INT8)],
)
@pytest.mark.parametrize("folder", ["", "trt-llm/checkpoints/"])
def test_a_tensorrt_checkpoint_is_found_at_the_root_and_where_pushes_put_it(
    folder: str, algorithm: str, made: Format
) -> None:
    config = {**CHECKPOINT, "quantization": {"quant_algo": algorithm}}
    files = {"config.json": LLAMA} | {f"{folder}config.json": config}
    found = find("org/x", files, [f"{folder}config.json", f"{folder}rank0.safetensors"])
    assert (found.kind, found.folder, found.made) == (Kind.TRT_CHECKPOINT, folder.rstrip("/"), made)
    assert found.method == algorithm and found.architecture == "LlamaForCausalLM"


def test_engines_are_known_by_their_weights_and_by_their_config() -> None:
    for files, paths in (
        ({"config.json": ENGINE}, ["config.json"]),
        ({"config.json": ENGINE}, ["config.json", "rank0.engine"]),
        ({}, ["rank0.engine", "rank1.engine"]),
    ):
        assert find("org/x", files, paths).kind is Kind.TRT_ENGINE
    found = find("org/x", {"config.json": ENGINE}, ["rank0.engine"])
    assert (found.made, found.architecture) == (Format.AWQ, "LlamaForCausalLM")


def test_engines_beside_a_checkpoint_are_listed_by_their_labels() -> None:
    paths = [
        "trt-llm/checkpoints/rank0.safetensors",
        "trt-llm/engines/sm90_trt-llm-1.2.1_cuda13.1/rank0.engine",
        "trt-llm/engines/sm89_trt-llm-1.2.1_cuda13.1/rank0.engine",
    ]
    found = find("org/x", {"config.json": LLAMA, "trt-llm/checkpoints/config.json": CHECKPOINT}, paths)
    assert found.kind is Kind.TRT_CHECKPOINT
    assert found.engines == ("sm89_trt-llm-1.2.1_cuda13.1", "sm90_trt-llm-1.2.1_cuda13.1")


def test_the_name_counts_where_a_tensorrt_checkpoint_has_no_config() -> None:
    assert find("org/x-trt-awq", {}, ["rank0.safetensors"]).made is Format.AWQ


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "mixtral", "num_local_experts": 8}, True),
        ({"model_type": "qwen3_moe"}, True),
        ({"model_type": "deepseek_v3", "n_routed_experts": 256}, True),
        ({"model_type": "composite", "text_config": {"num_experts": 16}}, True),
        ({"model_type": "ernie4_5_vl", "moe_num_experts": [64, 64]}, True),
        ({"model_type": "llama", "num_local_experts": 1}, False),
        ({"model_type": "llama", "num_experts": True}, False),
        ({"model_type": "llama", "num_experts": "8"}, False),
    ],
)
def test_experts_are_counted_wherever_the_family_counts_them(config: dict[str, Any], expected: bool) -> None:
    assert find("org/plain-a3b", {"config.json": config}, []).is_moe is expected


def test_without_files_the_name_says_whether_there_are_experts() -> None:
    assert find("org/x-30b-a3b", {}, []).is_moe


@pytest.mark.parametrize(
    ("config", "method"),
    [
        ({"quantization_config": {"quant_method": "hqq"}}, "hqq"),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}, "NVFP4"),
        ({"quantization_config": {"quant_method": "none"}}, ""),
    ],
)
def test_the_method_is_told_in_its_own_word(config: dict[str, Any], method: str) -> None:
    assert find("org/x", {"config.json": config}, []).method == method


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["awq", "moe"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["quantization", "num_experts", "architectures"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from(["build_config", "pretrained_config", "quantization", "model_type"]), JSON),
    st.lists(st.sampled_from(["rank0.engine", "rank0.safetensors", "trt-llm/engines/rank0.engine"])),
)
def test_no_files_raise(config: dict[str, Any], paths: list[str]) -> None:
    assert find("org/x", {"config.json": config}, paths).kind in Kind
