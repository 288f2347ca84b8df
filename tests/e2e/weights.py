"""A toy chat model with weights, made on the spot: it talks in plain words and never ends a reply by itself."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from tests.toy import write_toy_model

SEED = 3


def write_talker(directory: Path) -> Path:
    """Tokenizer, template, config and random weights of the toy Llama.

    Only tokens that are a blank and letters have an output row; every other one (end tokens too) has logit 0, which
    the best of hundreds of random ones always beats. So a greedy reply is as long as it may be.
    """
    write_toy_model(directory)
    config = json.loads((directory / "config.json").read_text())
    config |= {"num_key_value_heads": config["num_attention_heads"], "tie_word_embeddings": False}
    (directory / "config.json").write_text(json.dumps(config))
    save_file(_weights(config, _words(directory)), directory / "model.safetensors", metadata={"format": "pt"})
    return directory


def _words(directory: Path) -> list[int]:
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    texts = {number: tokenizer.decode([number]) for number in range(tokenizer.get_vocab_size())}
    return [number for number, text in texts.items() if text[:1] == " " and text[1:].isalpha() and text.isascii()]


def _weights(config: dict[str, int], words: list[int]) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(SEED)
    hidden, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (chance.standard_normal((rows, columns)) * 0.2).astype(np.float32)

    head = np.zeros((vocabulary, hidden), np.float32)
    head[words] = matrix(len(words), hidden)
    weights = {
        "model.embed_tokens.weight": matrix(vocabulary, hidden),
        "model.norm.weight": np.ones(hidden, np.float32),
        "lm_head.weight": head,
    }
    for number in range(config["num_hidden_layers"]):
        layer = f"model.layers.{number}"
        weights |= {f"{layer}.self_attn.{name}_proj.weight": matrix(hidden, hidden) for name in "qkvo"}
        weights |= {f"{layer}.mlp.{name}_proj.weight": matrix(inner, hidden) for name in ("gate", "up")}
        weights[f"{layer}.mlp.down_proj.weight"] = matrix(hidden, inner)
        weights |= {
            f"{layer}.{name}_layernorm.weight": np.ones(hidden, np.float32) for name in ("input", "post_attention")
        }
    return weights


__all__ = ["write_talker"]
