"""`python -m tooling.benchmarks.serving.shape 8b DIR`: a model's config and a tokenizer of its size, without weights.

With `--dummy` every contender then serves random weights of that shape: the speed is the model's, the text is noise.
Noise of words, though: the vocabulary is trained on sentences and on as many made-up words as it takes, so that a token
is about as long as a real one's, and a reply that is read again has as many tokens as it was written with.
"""

import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from tooling import usage
from tooling.benchmarks.serving.workload import SYSTEM, TURNS
from tooling.demo.files import content_lines, read_all

TRAINED = 1024
WORDS_A_LINE = 2000
PARTS = (2, 3, 4)
"""Letters of a beginning or an end of a word."""
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# The published shapes of Llama 3.1 and, 1b, 3.2; and one that costs nothing, for what stands before a model.
SHAPES: dict[str, dict[str, object]] = {
    "8b": {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32},
    "1b": {
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "head_dim": 64,
    },
    "70b": {"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64},
    "tiny": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "vocab_size": 8192,
        "torch_dtype": "float32",
    },
}
VOCABULARY = 128256


def write(shape: str, directory: Path) -> None:
    """Config, generation config, tokenizer and template of a shape."""
    directory.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
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
        **SHAPES[shape],
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
    vocabulary = int(str(config["vocab_size"]))
    tokenizer = trained(SPECIAL, vocabulary, [*_sentences(), *_made_up(vocabulary)])
    assert tokenizer.get_vocab_size() == vocabulary, "too few words for such a vocabulary"
    _dump(directory / "tokenizer.json", json.loads(tokenizer.to_str()))


def trained(
    special: Sequence[str], vocabulary: int = TRAINED, lines: Sequence[str] = (SYSTEM, *TURNS) * 4
) -> Tokenizer:
    """A byte-level tokenizer of at most so many tokens, trained on these lines; the special ids first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[AddedToken(text, special=True) for text in special],
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def _sentences() -> list[str]:
    """Real ones, often enough that their words are learnt before made-up ones."""
    lines = [f" {line}" for text in read_all("chat").values() for line in content_lines(text)]
    return [*lines, SYSTEM, *TURNS] * 8


def _made_up(vocabulary: int) -> Iterator[str]:
    """Lines of words that begin like one real word and end like another; always the same ones."""
    chance = random.Random(0)  # noqa: S311 - repeatable, not secret
    real = sorted({word.lower() for line in _sentences() for word in line.split() if word.isascii() and word.isalpha()})
    begins, ends = (
        sorted({part for word in real if len(word) >= max(PARTS) for part in (word[cut] for cut in cuts)})
        for cuts in ([slice(size) for size in PARTS], [slice(-size, None) for size in PARTS])
    )
    for _ in range(2 * vocabulary // WORDS_A_LINE + 1):
        yield "".join(f" {chance.choice(begins)}{chance.choice(ends)}" for _ in range(WORDS_A_LINE))


def _dump(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def main(argv: Sequence[str]) -> int:
    """Write one shape."""
    parser = usage.parser("python -m tooling.benchmarks.serving.shape", main.__doc__)
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("directory", type=Path)
    options = parser.parse_args(argv)
    write(options.shape, options.directory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
