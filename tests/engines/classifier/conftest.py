"""Small classification models with random weights, written to a directory the way real ones are."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from attrs import frozen
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = [
    "what do you see on my screen, can you have a look at it",
    "one two three four five six seven eight nine ten",
    "tell me a story about a boat, café naïve déjà vu 👩‍🚀",
] * 20

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


@frozen
class Build:
    """A type of model: its config class by name, its tokenizer, and what its config holds besides sizes."""

    config: str
    tokenizer: Callable[[], transformers.PreTrainedTokenizerFast]
    extra: Mapping[str, Any]


def word_pieces() -> transformers.PreTrainedTokenizerFast:
    """As BERT's: lower case, `[CLS] text [SEP]`, newlines are blanks."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        CORPUS, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def byte_level(special: tuple[str, ...] = ("<s>", "<pad>", "</s>", "<unk>")) -> transformers.PreTrainedTokenizerFast:
    """As RoBERTa's: bytes, `<s> text </s>`, the padding id is 1."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[AddedToken(text, special=True) for text in special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    names = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>"}
    if len(special) > 1:
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{name: text for name, text in names.items() if text in special}
    )


def without_padding() -> transformers.PreTrainedTokenizerFast:
    """As GPT-2's: one special token, which no text gets, and none to pad with."""
    return byte_level(("</s>",))


BUILDS = {
    "bert": Build("BertConfig", word_pieces, {"max_position_embeddings": 64}),
    "modernbert": Build(
        "ModernBertConfig",
        byte_level,
        {
            "max_position_embeddings": 128,
            "local_attention": 8,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
            "cls_token_id": 0,
            "sep_token_id": 2,
        },
    ),
    "roberta": Build("RobertaConfig", byte_level, {"max_position_embeddings": 66, "pad_token_id": 1}),
    "longformer": Build(
        "LongformerConfig", byte_level, {"max_position_embeddings": 98, "attention_window": 8, "pad_token_id": 1}
    ),
    "gpt2": Build("GPT2Config", without_padding, {"n_positions": 64}),
}

Maker = Callable[..., Path]


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """`make_model(type, **config)` writes a model of that type; the same arguments give the same directory."""
    made: dict[str, Path] = {}

    def make(model_type: str, **config: Any) -> Path:
        key = f"{model_type} {sorted(config.items())}"
        if key not in made:
            made[key] = write_model(tmp_path_factory.mktemp(model_type), model_type, config)
        return made[key]

    return make


def write_model(directory: Path, model_type: str, config: Mapping[str, Any]) -> Path:
    """A model of that type, with more of its config."""
    build = BUILDS[model_type]
    tokenizer = build.tokenizer()
    tokenizer.save_pretrained(directory)
    torch.manual_seed(1)
    settled = getattr(transformers, build.config)(
        vocab_size=len(tokenizer), initializer_range=0.5, **{**SIZES, **build.extra, **config}
    )
    network = transformers.AutoModelForSequenceClassification.from_config(settled)
    network.save_pretrained(directory)
    return directory
