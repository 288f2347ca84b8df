"""A toy chat model's files without weights: a tokenizer trained on the spot, a ChatML template, a Llama config."""

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from engines.prompts.chat import ChatText
from engines.prompts.loading import load_chat_text

SENTENCES = (
    "well the rain will stop soon and then we can walk along the river",
    "hello there, how are you today? I am fine, thank you for asking",
    "tell me a story about a small boat and the sea, please",
    "system: be kind and brief. user: what is on my screen? assistant: let me look",
    "café naïve déjà vu, numbers 1 2 3 4 5 6 7 8 9 0",
)
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
VOCABULARY = 512


def write_toy_model(directory: Path) -> Path:
    """Tokenizer, template and a config that a real engine can load with dummy weights."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken(text, special=True) for text in SPECIAL],
    )
    tokenizer.train_from_iterator(SENTENCES * 10, trainer)
    tokenizer.save(str(directory / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": SPECIAL[2],
        "pad_token": SPECIAL[0],
        "model_max_length": 8192,
        "clean_up_tokenization_spaces": False,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    (directory / "chat_template.jinja").write_text(TEMPLATE)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "eos_token_id": 2,
        "torch_dtype": "float32",
    }
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, 2]}))
    return directory


@cache
def toy_directory() -> Path:
    """One directory of it per test process."""
    return write_toy_model(Path(mkdtemp(prefix="toy-chat-")))


@cache
def toy_text() -> ChatText:
    """Its tokenizer and template, loaded once per test process."""
    return load_chat_text(str(toy_directory()))
