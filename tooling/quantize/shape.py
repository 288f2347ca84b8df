"""What a model's config says about quantising it: how long it reads, whether its weights fill whole groups, its room.

Pure. Composite models keep the numbers of their language part in a section of their own, `text_config`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

GROUP = 128
"""Columns that share a scale in both 4-bit schemes."""
# Sections of composite models that are read for what they see and hear.
SENSES = ("vision_config", "audio_config")
# Weights of 16 bits in and out, with scales and, for 4 bits, zero points; measured 0.266 and 0.505 on a Llama shape.
_LEFT_OF = {4: 0.30, 8: 0.53}
_BYTES = {"float32": 4, "float64": 8}


def language(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a config that describes the language model."""
    part = config.get("text_config")
    return part if isinstance(part, Mapping) else config


def is_seeing(config: Mapping[str, Any]) -> bool:
    """Whether it has parts for pictures or sound besides its language model."""
    return any(isinstance(config.get(name), Mapping) for name in SENSES)


def longest(config: Mapping[str, Any]) -> int | None:
    """Tokens it takes at most, None where the config does not say."""
    return _number(language(config), "max_position_embeddings")


def uneven(config: Mapping[str, Any], group: int = GROUP) -> dict[str, int]:
    """Widths that are no multiple of a group, by what they are; empty where all are, or where nothing is said."""
    return {name: width for name, width in _widths(language(config)) if width % group}


def export_bytes(config: Mapping[str, Any], weight_bytes: int, bits: int) -> int:
    """Room that an export of weights of this many bytes needs; the embeddings stay as they are."""
    part = language(config)
    vocabulary, hidden = _number(part, "vocab_size") or 0, _number(part, "hidden_size") or 0
    tied = part.get("tie_word_embeddings", config.get("tie_word_embeddings"))
    size = _BYTES.get(str(part.get("dtype", part.get("torch_dtype"))), 2)
    kept = min(weight_bytes, vocabulary * hidden * size * (1 if tied else 2))
    return int(kept + (weight_bytes - kept) * _LEFT_OF[bits])


def _widths(part: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The inputs of every kind of linear layer: columns, along which groups run."""
    hidden = _number(part, "hidden_size")
    heads = _number(part, "num_attention_heads")
    # With experts the plain width is one of layers that there may be none of; the worker looks at what is there.
    inner = "moe_intermediate_size" if _number(part, "moe_intermediate_size") else "intermediate_size"
    for name in ("hidden_size", inner):
        width = _number(part, name)
        if width:
            yield name, width
    head = _number(part, "head_dim") or (hidden // heads if hidden and heads else None)
    if heads and head:
        yield "num_attention_heads x head_dim", heads * head


def _number(part: Mapping[str, Any], name: str) -> int | None:
    value = part.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


__all__ = ["GROUP", "export_bytes", "is_seeing", "longest", "uneven"]
