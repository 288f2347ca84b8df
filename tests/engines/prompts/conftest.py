"""Small tokenizers of every build that matters, trained here, saved and loaded again the way a model's is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from engines.prompts.chat import ChatText
from engines.prompts.loading import load_chat_text

TEMPLATES = Path(__file__).parents[2] / "fixtures" / "templates"

CORPUS = [
    "the user asks about a cat on the screen and the assistant looks at it",
    "what do you think of my new coat, is it warm enough for a walk today",
    "one two three four five six seven eight nine ten, and then some more",
    "system: be kind and brief. user: hello there! assistant: hi, how are you?",
    "café naïve déjà vu — “quoted” text… and 👩‍🚀 emoji 🙂",
    "model model user user system assistant\n\nuser\nassistant\nDate: 26 Jul 2024",
    "< |im_end|> [ INST] think about it, x x x . : ; / | [ ] ( )",
] * 20

ALPHABET = pre_tokenizers.ByteLevel.alphabet()


@frozen
class Build:
    """A tokenizer and the template that goes with it; `special` texts in the order of their ids."""

    make: Callable[["Build"], Tokenizer]
    special: tuple[str, ...]
    template: str | None
    bos: str | None = None
    eos: str | None = None
    unk: str | None = None
    generation_eos: int | list[int] | None = None
    post_bos: bool = False


def byte_level(build: Build) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return _trained(
        tokenizer, build, trainers.BpeTrainer(vocab_size=600, show_progress=False, initial_alphabet=ALPHABET)
    )


def split_byte_level(build: Build) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    words = Regex(r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return _trained(
        tokenizer, build, trainers.BpeTrainer(vocab_size=600, show_progress=False, initial_alphabet=ALPHABET)
    )


def replaced_spaces(build: Build) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    trained = _trained(tokenizer, build, trainers.BpeTrainer(vocab_size=600, show_progress=False))
    # Bytes are plain pieces of the vocabulary, which the trainer cannot put there.
    whole = json.loads(trained.to_str())
    model = whole["model"]
    for piece in ("<unk>", *(f"<0x{byte:02X}>" for byte in range(256))):
        model["vocab"].setdefault(piece, len(model["vocab"]))
    model |= {"byte_fallback": True, "fuse_unk": True, "unk_token": "<unk>"}
    finished = Tokenizer.from_str(json.dumps(whole))
    finished.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    finished.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("▁▁", normalized=False)])
    return finished


def unigram(build: Build) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.UnigramTrainer(vocab_size=300, show_progress=False, unk_token="<unk>", special_tokens=["<unk>"])
    tokenizer.train_from_iterator(CORPUS, trainer)
    # As sentencepiece conversions have it: found after normalising too.
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=True) for text in build.special])
    return tokenizer


def _trained(tokenizer: Tokenizer, build: Build, trainer: trainers.BpeTrainer) -> Tokenizer:
    trainer.special_tokens = [AddedToken(text, special=True) for text in build.special]
    tokenizer.train_from_iterator(CORPUS, trainer)
    if build.post_bos and build.bos:
        bos = (build.bos, tokenizer.token_to_id(build.bos))
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{build.bos} $A", special_tokens=[bos])
    return tokenizer


BUILDS = {
    "chatml": Build(byte_level, ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), "chatml", eos="<|im_end|>"),
    "bos": Build(
        byte_level,
        ("<|bos|>", "<|im_start|>", "<|im_end|>", "<|bos|>>", "<think>", "</think>", "☃"),
        "bos",
        bos="<|bos|>",
        eos="<|im_end|>",
    ),
    "llama": Build(
        split_byte_level,
        ("<|begin|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>"),
        "llama",
        bos="<|begin|>",
        eos="<|eot_id|>",
        generation_eos=[1, 4, 5],
        post_bos=True,
    ),
    "gemma": Build(
        replaced_spaces,
        ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"),
        "gemma",
        bos="<bos>",
        eos="<eos>",
        unk="<unk>",
        generation_eos=1,
    ),
    "instruct": Build(
        unigram,
        ("<s>", "</s>", "[INST]", "[/INST]"),
        "instruct",
        bos="<s>",
        eos="</s>",
        unk="<unk>",
    ),
    "bare": Build(
        byte_level,
        ("<|endoftext|>",),
        None,
        bos="<|endoftext|>",
        eos="<|endoftext|>",
        unk="<|endoftext|>",
        post_bos=True,
    ),
}


@pytest.fixture(scope="session")
def model_dirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A directory by build with the tokenizer files of a model."""
    return {name: saved(build, tmp_path_factory.mktemp(name)) for name, build in BUILDS.items()}


@pytest.fixture(scope="session")
def chats(model_dirs: dict[str, Path]) -> dict[str, ChatText]:
    """Every build, loaded."""
    return {name: load_chat_text(str(path)) for name, path in model_dirs.items()}


def saved(build: Build, path: Path) -> Path:
    """Write what a model directory holds of a tokenizer."""
    tokens = {"bos_token": build.bos, "eos_token": build.eos, "unk_token": build.unk}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=build.make(build), **{name: token for name, token in tokens.items() if token}
    )
    if build.template:
        tokenizer.chat_template = (TEMPLATES / f"{build.template}.jinja").read_text()
    tokenizer.save_pretrained(path)
    if build.generation_eos is not None:
        (path / "generation_config.json").write_text(json.dumps({"eos_token_id": build.generation_eos}))
    return path
