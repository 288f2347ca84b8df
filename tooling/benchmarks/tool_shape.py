"""`python -m tooling.benchmarks.tool_shape SHAPE DIR`: a tool model of a real model's size, with random weights.

For the router's speed, which is the shape's. What such a model decides means nothing: its probability of yes is about
one half, so a threshold of 1 makes every decision a no and a threshold of 0 a yes.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, processors
from transformers import AutoConfig, AutoModelForSequenceClassification

from tooling import usage
from tooling.benchmarks.serving.shape import trained

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
VOCABULARY = 50368
# The published shapes of ModernBERT base, DistilRoBERTa base and Longformer base.
SHAPES: dict[str, dict[str, Any]] = {
    "modernbert": {"hidden_size": 768, "intermediate_size": 1152, "num_hidden_layers": 22, "num_attention_heads": 12},
    "distilroberta": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 6, "num_attention_heads": 12},
    "longformer": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12},
}


def write(shape: str, directory: Path) -> None:
    """Weights, configuration and tokenizer of a shape."""
    kinds = {"modernbert": "modernbert", "distilroberta": "roberta", "longformer": "longformer"}
    positions = {"modernbert": 8192, "distilroberta": 514, "longformer": 4098}[shape]
    special = {"pad_token_id": 0, "bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3}
    more = {"attention_window": [512] * SHAPES[shape]["num_hidden_layers"]} if shape == "longformer" else {}
    config = AutoConfig.for_model(
        kinds[shape],
        **SHAPES[shape],
        **more,
        **special,
        vocab_size=VOCABULARY,
        max_position_embeddings=positions,
        id2label={0: "no", 1: "yes"},
        label2id={"no": 0, "yes": 1},
    )
    torch.manual_seed(1)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(directory)
    _tokenizer().save(str(directory / "tokenizer.json"))
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    described = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": positions - 2, **names}
    (directory / "tokenizer_config.json").write_text(json.dumps(described), encoding="utf-8")


def _tokenizer() -> Tokenizer:
    tokenizer = trained(SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def main(argv: Sequence[str]) -> int:
    """Write one shape."""
    parser = usage.parser("python -m tooling.benchmarks.tool_shape", main.__doc__)
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("directory", type=Path)
    options = parser.parse_args(argv)
    write(options.shape, options.directory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
