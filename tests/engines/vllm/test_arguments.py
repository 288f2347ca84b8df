"""Every name we pass to vLLM exists in every version we claim; nothing is passed that is the engine's to choose."""

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, fields

from engines.base import GenerationRequest, Sampling
from engines.vllm.arguments import engine_arguments, sampling_arguments
from engines.vllm.config import VllmConfig
from engines.vllm.internals import OUTPUT_FIELDS, REASONS, STEP_FIELDS
from tests.engines.vllm import engine_core, lookalike

ROOT = Path(__file__).resolve().parents[3]
CONTRACT: dict[str, dict[str, list[str]]] = json.loads(
    (ROOT / "tests" / "contract" / "engine_contract.json").read_text()
)["vllm"]

ENGINE = "vllm.v1.engine.async_llm.AsyncLLM"
CORE = "vllm.v1.engine.core_client"
TEXT = "vllm.v1.engine.detokenizer.IncrementalDetokenizer"
PLAIN = VllmConfig(model="org/name", max_model_len=5025, max_num_seqs=101)
FULL = VllmConfig(
    model="org/name",
    tokenizer="org/other",
    revision="abc",
    max_model_len=5025,
    max_num_seqs=101,
    kv_cache_bytes=1 << 30,
    kv_cache_dtype="fp8",
    quantization="fp8_per_channel",
    attention_backend="FLASHINFER",
    data_parallel=2,
    distributed_backend="ray",
    logit_bias={5: -100.0},
    banned_phrases=("a phrase",),
)
REQUEST = GenerationRequest(
    id="r", prompt_ids=(1, 2), sampling=Sampling(top_k=0), max_tokens=9, stop_token_ids=(3, 4), seed=2**64 - 1
)

# What the adapter calls, with the parameters it passes.
CALLS = {
    f"{ENGINE}.from_vllm_config": {"vllm_config", "usage_context", "enable_log_requests", "disable_log_stats"},
    f"{ENGINE}.generate": {"prompt", "sampling_params", "request_id", "data_parallel_rank"},
    f"{ENGINE}.abort": {"request_id"},
    f"{ENGINE}.shutdown": {"timeout"},
    f"{ENGINE}.reset_prefix_cache": set(),
    f"{ENGINE}.is_sleeping": set(),
    f"{ENGINE}.get_supported_tasks": set(),
    f"{ENGINE}.errored": set(),
    f"{ENGINE}.dead_error": set(),
    "vllm.v1.engine.output_processor.OutputProcessor.get_num_unfinished_requests": set(),
    "vllm.engine.arg_utils.EngineArgs.create_engine_config": {"usage_context"},
    "vllm.engine.arg_utils.AsyncEngineArgs": set(engine_arguments(FULL)) | set(engine_arguments(PLAIN)),
    "vllm.sampling_params.SamplingParams": {*sampling_arguments(REQUEST, FULL), "output_kind", "detokenize"},
    "vllm.sampling_params.RequestOutputKind": {"DELTA"},
    "vllm.usage.usage_lib.UsageContext": {"OPENAI_API_SERVER"},
    "vllm.inputs.engine.tokens_input": {"prompt_token_ids"},
    "vllm.outputs.RequestOutput.__init__": {"outputs", "finished", "num_cached_tokens"},
    "vllm.outputs.CompletionOutput": {"text", "token_ids", "finish_reason"},
    "vllm.v1.engine.FinishReason": {*REASONS},
    "vllm.config.scheduler.SchedulerConfig": {"max_num_seqs", "max_num_batched_tokens"},
    "vllm.config.cache.CacheConfig": {"cache_dtype", "num_gpu_blocks", "block_size"},
    "vllm.config.attention.AttentionConfig": {"backend"},
    "vllm.v1.attention.backends.registry.AttentionBackendEnum": {"FLASH_ATTN", "FLASHINFER", "TRITON_ATTN"},
}

# What the step client uses below the public surface (`installed` says what the paths mean).
CALLS |= {
    f"{ENGINE}.self": {"engine_core", "input_processor", "log_stats"},
    f"{ENGINE}.get_tokenizer": {"self"},
    "vllm.v1.engine.input_processor.InputProcessor.process_inputs": {
        *("request_id", "prompt", "params", "supported_tasks", "data_parallel_rank"),
    },
    "vllm.v1.engine.EngineCoreRequest": {"request_id", "external_req_id"},
    "vllm.v1.engine.EngineCoreOutputs": {*STEP_FIELDS},
    "vllm.v1.engine.EngineCoreOutput": {*OUTPUT_FIELDS},
    "vllm.v1.metrics.stats.PrefillStats": {"num_cached_tokens"},
    f"{CORE}.AsyncMPClient.self": {"outputs_queue"},
    f"{CORE}.AsyncMPClient._ensure_output_queue_task:outputs_queue": {"put_nowait"},
    **{f"{CORE}.{client}.add_request_async": {"request"} for client in ("AsyncMPClient", "DPAsyncMPClient")},
    **{f"{CORE}.{client}.abort_requests_async": {"request_ids"} for client in ("AsyncMPClient", "DPLBAsyncMPClient")},
    f"{TEXT}.from_new_request": {"tokenizer", "request"},
    f"{TEXT}.update": {"new_token_ids", "stop_terminated"},
    f"{TEXT}.get_next_output_text": {"finished", "delta"},
}


@pytest.mark.parametrize("version", CONTRACT)
@pytest.mark.parametrize("member", CALLS)
def test_what_we_pass_exists_in_every_version_we_claim(version: str, member: str) -> None:
    assert member in CONTRACT[version]
    assert CALLS[member] <= set(CONTRACT[version][member])


@pytest.mark.engine
def test_what_we_pass_exists_in_the_installed_version() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "tests.engines.vllm.installed"],
        cwd=ROOT,
        input=json.dumps(list(CALLS)),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    told = json.loads(made.stdout.splitlines()[-1])
    for member, names in CALLS.items():
        assert names <= set(told["names"][member]), (told["version"], member)


@pytest.mark.parametrize("version", CONTRACT)
def test_every_version_puts_its_steps_by_the_one_method_that_is_taken_over(version: str) -> None:
    assert CONTRACT[version][f"{CORE}.AsyncMPClient._ensure_output_queue_task:outputs_queue"] == ["put_nowait"]


@pytest.mark.parametrize("version", CONTRACT)
def test_the_stand_in_of_our_tests_asks_for_nothing_that_the_library_has_not(version: str) -> None:
    for name in ("from_vllm_config", "generate", "abort", "is_sleeping", "reset_prefix_cache", "shutdown"):
        known = set(CONTRACT[version][f"{ENGINE}.{name}"])
        assert set(inspect.signature(getattr(lookalike.AsyncLLM, name)).parameters) <= known, name
    for member in ("EngineCoreOutput", "EngineCoreOutputs"):
        assert set(getattr(engine_core, member).__struct_fields__) <= set(CONTRACT[version][f"vllm.v1.engine.{member}"])
    processor = CONTRACT[version]["vllm.v1.engine.input_processor.InputProcessor.process_inputs"]
    assert set(inspect.signature(lookalike.AsyncLLM.process_inputs).parameters) <= set(processor)


def test_what_is_left_to_the_engine_is_not_passed() -> None:
    passed = engine_arguments(PLAIN)
    for name in ("quantization", "attention_backend", "kv_cache_dtype", "kv_cache_memory_bytes", "revision"):
        assert name not in passed
    assert None not in passed.values()


def test_batch_limits_prefix_cache_and_text_only_are_always_passed() -> None:
    passed = engine_arguments(PLAIN)
    assert (passed["max_num_seqs"], passed["max_num_batched_tokens"]) == (101, 2048)
    assert passed["enable_prefix_caching"] is passed["enable_chunked_prefill"] is True
    assert set(passed["limit_mm_per_prompt"].values()) == {0}
    assert passed["disable_log_stats"] is True
    assert engine_arguments(evolve(PLAIN, stats=True))["disable_log_stats"] is False


def test_every_field_of_the_configuration_has_an_effect() -> None:
    other: dict[str, Any] = {"max_model_len": 77, "max_num_seqs": 77, "logit_bias": {1: 2.0}, "banned_phrases": ("b",)}
    other |= {"kv_cache_bytes": 7, "tensor_parallel": 7, "pipeline_parallel": 7, "data_parallel": 7}
    other |= {"max_num_batched_tokens": 7, "gpu_memory_utilization": 0.5, "model": "m"}
    # Read elsewhere: by the start, not by the library.
    for field in fields(VllmConfig):
        if field.name in ("error_log", "mark"):
            continue
        now = getattr(PLAIN, field.name)
        value = other.get(field.name, (not now) if isinstance(now, bool) else "other")
        changed = evolve(PLAIN, **{field.name: value})
        assert (engine_arguments(changed), sampling_arguments(REQUEST, changed)) != (
            engine_arguments(PLAIN),
            sampling_arguments(REQUEST, PLAIN),
        ), field.name


def test_sampling_values_are_passed_as_they_are_and_no_stop_strings_ever() -> None:
    passed = sampling_arguments(REQUEST, FULL)
    assert passed["top_k"] == 0
    assert passed["stop_token_ids"] == [3, 4]
    assert passed["seed"] == 2**63 - 1
    assert passed["logit_bias"] == {5: -100.0}
    assert passed["bad_words"] == ["a phrase"]
    assert "stop" not in passed
    assert not passed["include_stop_str_in_output"]
    assert "logit_bias" not in sampling_arguments(REQUEST, PLAIN)


def test_an_engine_with_a_seed_of_its_own_gets_none_with_its_requests() -> None:
    seeded = evolve(PLAIN, engine_seed=7)
    assert engine_arguments(seeded)["seed"] == 7
    assert "seed" not in sampling_arguments(REQUEST, seeded)
    assert "seed" not in engine_arguments(PLAIN)
