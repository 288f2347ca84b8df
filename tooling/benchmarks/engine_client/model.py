"""A tiny Llama with random weights whose vocabulary is real words, as a chat model's is.

With the vocabulary of a toy every eighth token would be half a character, which no model talks like.
"""

import random
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tooling.demo.files import content_lines, read_all, write_json

VOCABULARY = 4096
MAX_LEN = 1024
END = "<|im_end|>"


def write(directory: Path) -> Path:
    """Config and tokenizer for `load_format="dummy"` into `directory`; returns it."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_lines(), trainer)
    tokenizer.save(str(directory / "tokenizer.json"))
    write_json(directory / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END})
    write_json(directory / "generation_config.json", {"eos_token_id": 0})
    write_json(
        directory / "config.json",
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 32,
            "max_position_embeddings": MAX_LEN,
            "vocab_size": tokenizer.get_vocab_size(),
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "hidden_act": "silu",
            "tie_word_embeddings": False,
            "bos_token_id": None,
            "eos_token_id": 0,
            "torch_dtype": "float32",
        },
    )
    return directory


def prompts(directory: Path, count: int, tokens: int) -> list[Sequence[int]]:
    """Ids of as many different prompts; the same ones every time."""
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    chance = random.Random(0)  # noqa: S311 - repeatable, not secret
    lines = _lines()
    return [
        tokenizer.encode(" ".join(chance.sample(lines, tokens)), add_special_tokens=False).ids[:tokens]
        for _ in range(count)
    ]


def _lines() -> list[str]:
    return [f" {line}" for text in read_all("chat").values() for line in content_lines(text)]


__all__ = ["END", "MAX_LEN", "VOCABULARY", "prompts", "write"]
