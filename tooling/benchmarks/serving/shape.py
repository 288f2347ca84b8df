"""`python -m tooling.benchmarks.serving.shape 8b DIR`: a model's config and a tokenizer of its size, without weights.

With `--dummy` every contender then serves random weights of that shape: the speed is the model's, the text is noise.
Every id decodes to a word of its own, so that every token makes a frame.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from tooling.benchmarks.serving.workload import SYSTEM, TURNS

VOCABULARY = 128256
TRAINED = 1024
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# Llama 3.1's published shapes.
SHAPES = {
    "8b": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32},
    "70b": {"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64},
}


def write(shape: str, directory: Path) -> None:
    """Config, generation config, tokenizer and template of a shape."""
    directory.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **SHAPES[shape],
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 8192,
        "rope_theta": 500000.0,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": False,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "torch_dtype": "bfloat16",
    }
    _dump(directory / "config.json", config)
    _dump(directory / "generation_config.json", {"eos_token_id": [0, 2]})
    _dump(
        directory / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": SPECIAL[2],
            "pad_token": SPECIAL[0],
            "model_max_length": 8192,
            "clean_up_tokenization_spaces": False,
        },
    )
    (directory / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    _dump(directory / "tokenizer.json", _tokenizer())


def trained(special: Sequence[str]) -> Tokenizer:
    """A byte-level tokenizer of a few words, trained on the benchmark's own conversations; the special ids first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TRAINED,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken(text, special=True) for text in special],
    )
    tokenizer.train_from_iterator([SYSTEM, *TURNS] * 4, trainer)
    return tokenizer


def _tokenizer() -> dict[str, object]:
    tokenizer = trained(SPECIAL)
    built: dict[str, object] = json.loads(tokenizer.to_str())
    model = built["model"]
    assert isinstance(model, dict)
    vocabulary = model["vocab"]
    for number in range(len(vocabulary), VOCABULARY):
        vocabulary[f"Ġw{number}"] = number
    return built


def _dump(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def main(argv: Sequence[str]) -> int:
    """Write one shape."""
    parser = argparse.ArgumentParser(prog="python -m tooling.benchmarks.serving.shape")
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("directory", type=Path)
    options = parser.parse_args(argv)
    write(options.shape, options.directory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
