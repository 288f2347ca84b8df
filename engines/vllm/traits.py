"""What follows from a model's `config.json`: limits and traits, by `model_type` and never by name."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

# Where the different families write their context length.
_LENGTH_KEYS = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "seq_length")

_BFLOAT16 = frozenset({"gemma2", "kimi_linear", "qwen3_next"})
_MLA = frozenset({"deepseek_v2", "deepseek_v3"})


@frozen(kw_only=True)
class ModelFacts:
    """One model. `max_len` is its own context limit in tokens, None if it is not plainly written there.

    `memory_hungry` models get a smaller share and fewer running requests. `package` must be importable. `mla` models
    only run on an MLA attention backend.
    """

    model_type: str = ""
    max_len: int | None = None
    dtype: str = "auto"
    memory_hungry: bool = False
    mla: bool = False
    package: str | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "ModelFacts":
        """The facts in a parsed `config.json`; a multimodal model's are those of its text part."""
        text = config.get("text_config")
        inner = text if isinstance(text, Mapping) else config
        # The outer type names the family (gemma3 around gemma3_text).
        model_type = str(config.get("model_type") or inner.get("model_type") or "").lower()
        return cls(
            model_type=model_type,
            max_len=_max_len(inner),
            dtype="bfloat16" if model_type in _BFLOAT16 or model_type.startswith("gemma3") else "auto",
            memory_hungry=model_type.startswith("gemma"),
            mla=model_type in _MLA,
            package="fla" if model_type == "kimi_linear" else None,
        )


def _max_len(config: Mapping[str, Any]) -> int | None:
    # Newer configurations say it in "rope_parameters", which unscaled models have too.
    parameters = config.get("rope_parameters")
    kind = parameters.get("rope_type", "default") if isinstance(parameters, Mapping) else "default"
    if config.get("rope_scaling") or kind != "default":
        # A scaled context is longer than the number beside it; vLLM works it out and says so when it is exceeded.
        return None
    lengths = [value for key in _LENGTH_KEYS if isinstance(value := config.get(key), int) and value > 0]
    return min(lengths, default=None)


def kv_cache_dtype(asked: str) -> str:
    """vLLM's name for a `KV_DTYPE`; names it knows itself pass as they are."""
    return {"int8": "int8_per_token_head"}.get(asked, asked)


__all__ = ["ModelFacts", "kv_cache_dtype"]
