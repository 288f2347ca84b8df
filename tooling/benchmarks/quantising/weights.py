"""`python -m tooling.benchmarks.quantising.weights SHAPE DIR`: a model of a shape with random weights, on the disk.

Exports are made of files, so the weights that `--dummy` makes up while loading do not do. Its words mean nothing: size,
seconds and speed are those of the shape, perplexity and agreement say nothing.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from tooling import usage
from tooling.benchmarks.serving.shape import SHAPES, write

SPREAD = 0.02
SEED = 1


def fill(directory: Path) -> Path:
    """Random weights for the Llama config in a directory."""
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    hidden, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    dtype = getattr(torch, config["torch_dtype"])
    chance = torch.Generator().manual_seed(SEED)

    def matrix(rows: int, columns: int) -> torch.Tensor:
        return (torch.randn(rows, columns, generator=chance) * SPREAD).to(dtype)

    weights = {
        "model.embed_tokens.weight": matrix(vocabulary, hidden),
        "lm_head.weight": matrix(vocabulary, hidden),
        "model.norm.weight": torch.ones(hidden, dtype=dtype),
    }
    shapes = {
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    for number in range(config["num_hidden_layers"]):
        layer = f"model.layers.{number}"
        weights |= {f"{layer}.{name}.weight": matrix(*shape) for name, shape in shapes.items()}
        for name in ("input_layernorm", "post_attention_layernorm"):
            weights[f"{layer}.{name}.weight"] = torch.ones(hidden, dtype=dtype)
    save_file(weights, str(directory / "model.safetensors"), metadata={"format": "pt"})
    return directory


def main(argv: list[str]) -> int:
    """Write it and print where."""
    parser = usage.parser("python -m tooling.benchmarks.quantising.weights", __doc__)
    parser.add_argument("shape", choices=list(SHAPES))
    parser.add_argument("directory", type=Path)
    options = parser.parse_args(argv)
    write(options.shape, options.directory)
    print(fill(options.directory))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
