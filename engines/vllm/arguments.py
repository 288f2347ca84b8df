"""From our values to vLLM's keyword arguments; pure, so that a test holds the names against every version we claim."""

from typing import Any

from engines.base import GenerationRequest
from engines.vllm.config import VllmConfig

# vLLM keeps seeds as signed 64-bit numbers.
_SEED_MASK = 2**63 - 1


def engine_arguments(config: VllmConfig) -> dict[str, Any]:
    """Keyword arguments for `AsyncEngineArgs`. What is left to the engine is not passed at all."""
    arguments: dict[str, Any] = {
        "model": config.model,
        "trust_remote_code": config.trust_remote_code,
        "load_format": config.load_format,
        "dtype": config.dtype,
        "max_model_len": config.max_model_len,
        # Always both: the engine's defaults depend on who calls it.
        "max_num_seqs": config.max_num_seqs,
        "max_num_batched_tokens": config.max_num_batched_tokens,
        "gpu_memory_utilization": config.gpu_memory_utilization,
        "enable_prefix_caching": True,
        "enable_chunked_prefill": True,
        "enforce_eager": config.enforce_eager,
        "tensor_parallel_size": config.tensor_parallel,
        "pipeline_parallel_size": config.pipeline_parallel,
        "data_parallel_size": config.data_parallel,
        "scheduling_policy": "fcfs",
        "stream_interval": 1,
        # Text only: a multimodal checkpoint reserves no memory for pictures it never gets.
        "limit_mm_per_prompt": {"image": 0, "video": 0, "audio": 0},
        "disable_log_stats": not config.stats,
        "use_tqdm_on_load": config.progress_bars,
        "enable_log_requests": False,
    }
    optional = {
        "tokenizer": config.tokenizer,
        "revision": config.revision,
        "tokenizer_revision": config.revision,
        "quantization": config.quantization,
        "attention_backend": config.attention_backend,
        "distributed_executor_backend": config.distributed_backend,
        "kv_cache_memory_bytes": config.kv_cache_bytes,
        "seed": config.engine_seed,
        "kv_cache_dtype": None if config.kv_cache_dtype == "auto" else config.kv_cache_dtype,
        "data_parallel_backend": "ray" if config.data_parallel > 1 and config.distributed_backend == "ray" else None,
    }
    arguments.update({name: value for name, value in optional.items() if value is not None})
    return arguments


def sampling_arguments(request: GenerationRequest, config: VllmConfig) -> dict[str, Any]:
    """Keyword arguments for `SamplingParams`, without the output kind.

    Special tokens are not skipped: the server decides what of them is shown. Stop tokens are never in the text. There
    are no stop strings: the server matches them, for every engine alike.
    """
    sampling = request.sampling
    arguments: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "max_tokens": request.max_tokens,
        "stop_token_ids": list(request.stop_token_ids),
        "include_stop_str_in_output": False,
        "skip_special_tokens": False,
        "spaces_between_special_tokens": False,
    }
    if config.engine_seed is None:
        arguments["seed"] = request.seed & _SEED_MASK
    if config.logit_bias:
        arguments["logit_bias"] = dict(config.logit_bias)
    if config.banned_phrases:
        arguments["bad_words"] = list(config.banned_phrases)
    return arguments


__all__ = ["engine_arguments", "sampling_arguments"]
