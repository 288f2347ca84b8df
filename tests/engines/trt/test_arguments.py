"""Every name we pass to TensorRT-LLM is in the contract, and the values mean there what they mean here."""

import json
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from engines.base import GenerationRequest, Sampling
from engines.trt import TrtConfig
from engines.trt.arguments import ESSENTIAL, cache_arguments, engine_arguments, refused_biases, sampling_arguments
from engines.trt.plan import make_plan

CONTRACT: dict[str, dict[str, list[str]]] = json.loads(
    (Path(__file__).resolve().parents[2] / "contract" / "tensorrt_contract.json").read_text()
)["tensorrt_llm"]

PYTORCH = TrtConfig(
    model="org/name",
    revision="abc",
    max_model_len=5025,
    max_output_len=150,
    tensor_parallel=2,
    pipeline_parallel=2,
    logit_bias={5: -100.0, 6: 2.0},
    banned_phrases=("a phrase",),
)
BUSY = Sampling(min_p=0.1, repetition_penalty=1.1, presence_penalty=0.2, frequency_penalty=0.3)
REQUEST = GenerationRequest(
    id="r", prompt_ids=(1, 2), sampling=BUSY, max_tokens=9, stop_token_ids=(3, 4), seed=2**64 + 5
)


def _accepted(version: str, member: str) -> set[str]:
    return set(CONTRACT[version][member])


def test_every_argument_of_the_pytorch_backend_is_in_the_contract() -> None:
    plan = make_plan(PYTORCH)
    names = {*engine_arguments(PYTORCH, plan), "kv_cache_config"}
    assert names <= _accepted("1.2", "tensorrt_llm.llmapi.llm_args.TorchLlmArgs")
    assert set(cache_arguments(PYTORCH)) <= _accepted("1.2", "tensorrt_llm.llmapi.KvCacheConfig")


def test_every_argument_of_the_engine_backend_is_in_the_contract(engine_dir: Path) -> None:
    config = evolve(PYTORCH, engine_dir=engine_dir, max_model_len=512, max_output_len=64)
    config = evolve(config, tensor_parallel=None, pipeline_parallel=None)
    plan = make_plan(config)
    names = {*engine_arguments(config, plan), "kv_cache_config"}
    assert names <= _accepted("1.2", "tensorrt_llm.llmapi.llm_args.TrtLlmArgs")
    # It must stay "auto": the dtype is built in.
    assert "dtype" not in cache_arguments(config)


def test_every_sampling_value_is_in_the_contract() -> None:
    names = set(sampling_arguments(REQUEST, PYTORCH))
    assert names <= _accepted("1.2", "tensorrt_llm.SamplingParams")
    assert set(ESSENTIAL) <= names


@pytest.mark.parametrize("version", ["1.2", "1.3rc"])
@pytest.mark.parametrize(
    ("member", "names"),
    [
        ("tensorrt_llm.LLM.generate_async", {"inputs", "sampling_params", "streaming"}),
        ("tensorrt_llm.LLM.shutdown", set()),
        ("tensorrt_llm.LLM.tokenizer", set()),
        ("tensorrt_llm.executor.result.GenerationResult.abort", set()),
        ("tensorrt_llm.executor.result.GenerationResult.finished", set()),
        ("tensorrt_llm.executor.result.GenerationResult.outputs", set()),
        ("tensorrt_llm.executor.result.CompletionOutput.token_ids_diff", set()),
    ],
)
def test_every_call_is_in_the_contract(version: str, member: str, names: set[str]) -> None:
    assert names <= _accepted(version, member)


def test_off_is_left_out_and_never_minus_one() -> None:
    calm = evolve(REQUEST, sampling=Sampling(top_k=0, temperature=0.0), stop_token_ids=())
    arguments = sampling_arguments(calm, evolve(PYTORCH, logit_bias={}, banned_phrases=()))
    assert arguments == {"max_tokens": 9, "temperature": 0.0, "top_p": 0.95, "seed": 5, "detokenize": False}


def test_neither_stop_strings_nor_an_end_id_are_ever_passed() -> None:
    assert not {"stop", "end_id", "pad_id"} & sampling_arguments(REQUEST, PYTORCH).keys()


def test_only_bans_are_passed_as_bias() -> None:
    arguments = sampling_arguments(REQUEST, PYTORCH)
    assert arguments["bad_token_ids"] == [5]
    assert arguments["bad"] == ["a phrase"]
    assert refused_biases(PYTORCH) == {6: 2.0}


@given(st.integers(0, 2**70))
def test_a_seed_is_always_passed_and_fits(seed: int) -> None:
    assert 0 <= sampling_arguments(evolve(REQUEST, seed=seed), PYTORCH)["seed"] < 2**64
