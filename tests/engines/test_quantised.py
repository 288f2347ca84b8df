"""How a checkpoint's files say that it is quantised."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.quantised import FILES, Format, by_method, detect, refusal

LLAMA = {"model_type": "llama"}
AWQ = {"quant_method": "awq", "bits": 4}


def _compressed(*weights: dict[str, object]) -> dict[str, Any]:
    groups = {f"group_{index}": {"weights": weight} for index, weight in enumerate(weights)}
    return {"quantization_config": {"quant_method": "compressed-tensors", "config_groups": groups}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, None),
        ({"quantization_config": {"quant_method": "awq"}}, Format.AWQ),
        ({"quantization_config": {"quant_method": "gptq"}}, Format.GPTQ),
        ({"quantization_config": {"quant_method": "fp8"}}, Format.FP8),
        ({"quantization": {"quant_algo": "W4A16_AWQ"}}, Format.AWQ),
        ({"quantization": {"quant_algo": "W8A8_SQ_PER_CHANNEL"}}, Format.INT8),
        ({"quant_method": "auto_awq"}, Format.AWQ),
        ({"quantization_config": {"quant_method": "mxfp4"}}, Format.OTHER),
        (_compressed({"type": "int", "num_bits": 4}), Format.AWQ),
        (_compressed({"type": "float", "num_bits": 8}), Format.FP8),
        (_compressed({"type": "int", "num_bits": 8}, {"type": "int", "num_bits": 8}), Format.INT8),
        (_compressed({"type": "int", "num_bits": 4}, {"type": "float", "num_bits": 8}), Format.MIXED),
        (_compressed(), Format.OTHER),
    ],
)
def test_the_files_say_how_a_checkpoint_is_quantised(config: dict[str, Any], expected: Format | None) -> None:
    assert detect("org/some-GPTQ-name" if expected else "org/plain", {"config.json": config}) is expected


def test_the_name_is_asked_only_without_files() -> None:
    assert detect("org/Model-AWQ", {"config.json": {"model_type": "llama"}}) is None
    assert detect("org/Model-AWQ", {}) is Format.AWQ
    assert detect("/models/x-gptq-int4/", {}) is Format.GPTQ
    assert detect("org/awq/plain", {}) is None
    beside: dict[str, dict[str, Any]] = {
        "config.json": {"model_type": "llama"},
        "hf_quant_config.json": {"quantization": {"quant_algo": "FP8"}},
    }
    assert detect("org/plain", beside) is Format.FP8


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"text_config": {"quantization_config": AWQ}}, Format.AWQ),
        ({"llm_config": {"quantization_config": AWQ}}, Format.AWQ),
        ({"thinker_config": {"text_config": {"quantization_config": AWQ}}}, Format.AWQ),
        ({"language_config": {"quantization_config": {"quant_method": "gptq"}}}, Format.GPTQ),
        ({"models": [{"quantization_config": {"quant_method": "fp8"}}]}, Format.FP8),
        ({"compression_config": _compressed({"num_bits": 4})["quantization_config"]}, Format.AWQ),
        ({"compression_config": {"config_groups": {"a": {"weights": {"num_bits": 8}}}}}, Format.INT8),
        ({"compression_config": {"quant_method": "sparseml", "config_groups": {}}}, Format.OTHER),
        ({"text_config": {"compression_config": _compressed({"num_bits": 4})["quantization_config"]}}, Format.AWQ),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8"}}, Format.FP8),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}, Format.OTHER),
        ({"quantization_config": AWQ, "vision_config": {"quantization_config": {"quant_method": "fp8"}}}, Format.AWQ),
        ({"text_config": {"quantization_config": {}}, "vision_config": None}, None),
        ({"quantization_config": None, "quantization": False, "quant_method": "none"}, None),
        ({"text_config": {"quant_method": "awq"}}, None),
    ],
)
def test_facts_are_found_wherever_in_the_configuration_they_stand(
    config: dict[str, Any], expected: Format | None
) -> None:
    assert detect("org/plain", {"config.json": {**LLAMA, **config}}) is expected


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("quant_config.json", {"zero_point": True, "q_group_size": 128, "w_bit": 4, "version": "GEMM"}, Format.AWQ),
        ("quantize_config.json", {"bits": 4, "group_size": 128, "desc_act": False, "sym": True}, Format.GPTQ),
        ("quantize_config.json", {"quant_method": "awq", "w_bit": 4}, Format.AWQ),
        ("hf_quant_config.json", {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8"}}, Format.FP8),
        ("hf_quant_config.json", {"quantization": {"quant_algo": None, "kv_cache_quant_algo": "FP8"}}, None),
        ("awq_metadata.json", {"scheme": "W4A16", **_compressed({"num_bits": 4})}, Format.AWQ),
        ("quantization_config.json", {"bits": 8}, None),
    ],
)
def test_exporters_say_it_in_files_of_their_own(file: str, content: dict[str, Any], expected: Format | None) -> None:
    assert file in FILES
    assert detect("org/plain", {"config.json": LLAMA, file: content}) is expected


def test_a_quantised_checkpoint_is_named_to_who_wanted_none() -> None:
    files = {"config.json": {"text_config": {"quantization_config": AWQ}}}
    said = refusal("none", detect("org/plain", files), "the checkpoint")
    assert said == "CHAT_QUANTIZATION is none, but the checkpoint is quantised (awq); use auto to serve it as it is"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["awq", "none", "modelopt"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["quantization_config", "quant_method", "config_groups", "weights", "x", "bits"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["quantization_config", "text_config", "quant_method"]), JSON, max_size=3))
def test_no_configuration_raises(config: dict[str, Any]) -> None:
    assert detect("org/plain", {"config.json": config}) in {None, *Format}


@given(st.text(max_size=20))
def test_every_word_for_a_method_is_a_format(method: str) -> None:
    assert by_method(method) in Format
