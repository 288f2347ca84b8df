"""The vLLM engine of this deployment: settings, what the machine has, and what the model's files say."""

from engines.prompts.bias import BUILT_IN, load_bias_file
from engines.prompts.chat import ChatText
from engines.vllm import VllmConfig, VllmEngine
from runtime.settings import Settings


def vllm_engine(settings: Settings, text: ChatText) -> VllmEngine:
    """A fresh engine. Raises `EngineStartFailed` where settings and model contradict each other."""
    path = settings.chat.logit_bias_file
    bias = text.resolve_bias(load_bias_file(path) if path else BUILT_IN)
    return VllmEngine(
        VllmConfig(
            model=settings.deployment.chat_model or "",
            revision=settings.deployment.chat_revision,
            trust_remote_code=settings.deployment.chat_trust_remote_code,
            max_model_len=settings.chat.max_len,
            max_num_seqs=settings.vllm.max_num_seqs or 32,
            max_num_batched_tokens=settings.vllm.max_num_batched_tokens,
            kv_cache_bytes=settings.engine.kv_cache_bytes or 1 << 30,
            enforce_eager=settings.vllm.enforce_eager,
            logit_bias=bias.token_bias,
            banned_phrases=bias.banned_phrases,
        )
    )


__all__ = ["vllm_engine"]
