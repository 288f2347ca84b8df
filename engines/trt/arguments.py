"""From our values to TensorRT-LLM's keyword arguments; pure, so that a test holds the names against the contract."""

from typing import Any

from engines.base import GenerationRequest, Sampling
from engines.prompts.bias import LIMIT
from engines.trt.config import TrtConfig
from engines.trt.plan import Backend, Plan

# The library keeps seeds as unsigned 64-bit numbers.
_SEED_MASK = 2**64 - 1

# Without these no request can be served rightly; anything else may be left out with a warning.
ESSENTIAL = ("max_tokens", "temperature", "top_p", "top_k", "seed", "stop_token_ids", "detokenize")

_NEUTRAL = Sampling(min_p=0.0, repetition_penalty=1.0, presence_penalty=0.0, frequency_penalty=0.0)
_LEFT_OUT_IF_NEUTRAL = ("min_p", "repetition_penalty", "presence_penalty", "frequency_penalty")


def cache_arguments(config: TrtConfig) -> dict[str, Any]:
    """Keyword arguments for `KvCacheConfig`. Its dtype is the engine's or the checkpoint's own."""
    return {"free_gpu_memory_fraction": config.kv_free_gpu_frac, "enable_block_reuse": True}


def engine_arguments(config: TrtConfig, plan: Plan) -> dict[str, Any]:
    """Keyword arguments for the backend's `LLM`, without the KV cache's. What is left to the engine is not passed."""
    arguments: dict[str, Any] = {
        "model": plan.model,
        "tokenizer": config.model,
        "trust_remote_code": config.trust_remote_code,
        # A long prompt shares its steps with running streams instead of holding them up.
        "enable_chunked_prefill": True,
        "max_batch_size": plan.batch_size,
        "max_num_tokens": plan.max_num_tokens,
    }
    if config.revision is not None:
        arguments["tokenizer_revision"] = config.revision
    if plan.backend is Backend.PYTORCH:
        arguments |= {
            "dtype": "auto",
            "max_seq_len": plan.max_model_len,
            "tensor_parallel_size": plan.tensor_parallel,
            "pipeline_parallel_size": plan.pipeline_parallel,
            # The default sampler of 1.2 takes penalties and seeds and silently ignores them.
            "sampler_type": "TRTLLMSampler",
            "stream_interval": 1,
        }
        if config.revision is not None:
            arguments["revision"] = config.revision
    return arguments


def sampling_arguments(request: GenerationRequest, config: TrtConfig) -> dict[str, Any]:
    """Keyword arguments for `SamplingParams`.

    No stop strings: the server matches them, for every engine alike; and no `end_id`, because with one the library no
    longer tokenises `bad`: the model's own end token ends a reply anyway. Text is made by us from the token ids.
    """
    sampling = request.sampling
    arguments: dict[str, Any] = {
        "max_tokens": request.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        # Off is None here; -1 is refused.
        "top_k": sampling.top_k or None,
        "stop_token_ids": list(request.stop_token_ids) or None,
        # Without one the library takes a fixed seed and equal prompts get equal replies.
        "seed": request.seed & _SEED_MASK,
        "detokenize": False,
    }
    for name in _LEFT_OUT_IF_NEUTRAL:
        value = getattr(sampling, name)
        if value != getattr(_NEUTRAL, name):
            arguments[name] = value
    banned = banned_token_ids(config)
    if banned:
        arguments["bad_token_ids"] = banned
    if config.banned_phrases:
        arguments["bad"] = list(config.banned_phrases)
    return {name: value for name, value in arguments.items() if value is not None}


def banned_token_ids(config: TrtConfig) -> list[int]:
    """Tokens whose bias amounts to a ban, which is the one kind the library can be told cheaply."""
    return [token for token, value in config.logit_bias.items() if value <= -LIMIT]


def refused_biases(config: TrtConfig) -> dict[int, float]:
    """Biases that cannot be honoured: the library would want a vector of the vocabulary's size with each request."""
    return {token: value for token, value in config.logit_bias.items() if value > -LIMIT and value != 0}


__all__ = [
    "ESSENTIAL",
    "banned_token_ids",
    "cache_arguments",
    "engine_arguments",
    "refused_biases",
    "sampling_arguments",
]
