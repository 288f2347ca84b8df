"""Models and settings to decide about: configs in the shapes of the Hub's, nothing behind them."""

from collections.abc import Mapping
from typing import Any

from runtime.settings import Settings
from tooling.models import Model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LLAMA: Mapping[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
}


def model(config: Mapping[str, Any] | None = None, /, **changes: Any) -> Model:
    """A model of the Hub with this config."""
    made = {**LLAMA, **changes} if config is None else config
    return Model(
        name="org/Some-Model-8B",
        revision=COMMIT,
        files={"config.json": made},
        listing=(("config.json", 700), ("model.safetensors", 16_060_000_000)),
    )


def settings(quantisation: str = "4bit", **environ: str) -> Settings:
    """Settings of a launch of that model."""
    return Settings.from_env(
        {
            "TEXT_API_KEY": "k",
            "MAX_CONCURRENT_CONNECTIONS": "8",
            "CHAT_MODEL": "org/Some-Model-8B",
            "CHAT_QUANTIZATION": quantisation,
            "YAP_HOME": "/home/me/.cache/yap",
            **environ,
        }
    )


__all__ = ["COMMIT", "LLAMA", "model", "settings"]
