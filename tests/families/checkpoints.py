"""Scripted checkpoints: real weights that play replies written beforehand, markers and broken bytes included.

A GPT-2 whose attention, MLP and word embedding are zero, so that what it says next depends on the position alone: row
p of its position table is the code of the token that follows p others. Which reply is played is chosen by the length
of the prompt, and a reply may hold any token any number of times. Logits are so far apart that no temperature, penalty
or bias of a real client changes the choice.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

HIDDEN = 128
HEADS = 2
POSITIONS = 12288
SEED = 5
# The chosen token's logit; those of the others are a third of it at most.
LOGIT = 2000.0


def write_config(directory: Path, vocabulary: int) -> None:
    """config.json."""
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_embd": HIDDEN,
        "n_head": HEADS,
        "n_layer": 1,
        "n_positions": POSITIONS,
        "vocab_size": vocabulary,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "bos_token_id": None,
        "eos_token_id": None,
    }
    (directory / "config.json").write_text(json.dumps(config))


def write_weights(directory: Path, scripts: Mapping[int, Sequence[int]], vocabulary: int, idle: int) -> None:
    """model.safetensors. `scripts`: by prompt length in tokens the ids of the reply to it.

    `idle`: what it says at every other position. Raises `ValueError` where two replies need the same position.
    """
    said = np.full(POSITIONS, idle)
    taken: set[int] = set()
    for length, ids in scripts.items():
        places = range(length - 1, length - 1 + len(ids))
        if taken & set(places):
            raise ValueError(f"the reply to {length} tokens and another one need the same positions")
        taken |= set(places)
        said[places] = ids
    save_file(_weights(said, vocabulary), directory / "model.safetensors", metadata={"format": "pt"})


def _weights(said: "np.ndarray[tuple[int], np.dtype[np.int64]]", vocabulary: int) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(SEED)
    codes = chance.standard_normal((vocabulary, HIDDEN)).astype(np.float32)
    # What the last layer norm would do to a code, so that a code times itself is exactly HIDDEN.
    codes -= codes.mean(axis=1, keepdims=True)
    codes /= codes.std(axis=1, keepdims=True)
    others = codes @ codes.T - HIDDEN * np.eye(vocabulary, dtype=np.float32)
    assert others.max() < 0.6 * HIDDEN, "two tokens have too similar codes"
    layer = "transformer.h.0"
    zeros: dict[str, tuple[int, int]] = {
        f"{layer}.attn.c_attn": (HIDDEN, 3 * HIDDEN),
        f"{layer}.attn.c_proj": (HIDDEN, HIDDEN),
        f"{layer}.mlp.c_fc": (HIDDEN, 4 * HIDDEN),
        f"{layer}.mlp.c_proj": (4 * HIDDEN, HIDDEN),
    }
    weights: dict[str, np.ndarray] = {f"{name}.weight": np.zeros(shape, np.float32) for name, shape in zeros.items()}
    weights |= {f"{name}.bias": np.zeros(shape[1], np.float32) for name, shape in zeros.items()}
    for name in (f"{layer}.ln_1", f"{layer}.ln_2", "transformer.ln_f"):
        weights |= {f"{name}.weight": np.ones(HIDDEN, np.float32), f"{name}.bias": np.zeros(HIDDEN, np.float32)}
    return weights | {
        "transformer.wte.weight": np.zeros((vocabulary, HIDDEN), np.float32),
        "transformer.wpe.weight": codes[said],
        "lm_head.weight": codes * (LOGIT / HIDDEN),
    }


__all__ = ["write_config", "write_weights"]
