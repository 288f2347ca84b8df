"""A tiny Llama checkpoint without weights: a configuration and a tokenizer, for `load_format="dummy"`."""

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|im_end|>"
START = "<|im_start|>"
VOCABULARY = 512
MAX_LEN = 512


def tokenizer() -> Tokenizer:
    """A byte-level tokenizer of `VOCABULARY` tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, START],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = [f"{first}{second}{third}" for first in "bdfgkl" for second in "aeiou" for third in "mnprst"]
    made.train_from_iterator([" ".join(words)] * 4, trainer)
    return made


def write(directory: Path) -> Path:
    """Write config.json and the tokenizer into `directory`; returns it."""
    directory.mkdir(parents=True, exist_ok=True)
    made = tokenizer()
    made.save(str(directory / "tokenizer.json"))
    _dump(directory / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END})
    _dump(
        directory / "config.json",
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "head_dim": 32,
            "max_position_embeddings": MAX_LEN,
            "vocab_size": VOCABULARY,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "hidden_act": "silu",
            "tie_word_embeddings": False,
            "bos_token_id": None,
            "eos_token_id": made.token_to_id(END),
            "torch_dtype": "float32",
        },
    )
    _dump(directory / "generation_config.json", {"eos_token_id": made.token_to_id(END)})
    return directory


def _dump(path: Path, data: dict[str, object]) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


__all__ = ["END", "MAX_LEN", "START", "VOCABULARY", "tokenizer", "write"]
