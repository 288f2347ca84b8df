"""The demo chat model's tokenizer: byte-level BPE, trained on the scripts and on a list of common words."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tooling.demo.chat.dialogues import Corpus
from tooling.demo.chat.recipe import PAD, SPECIAL_TOKENS, TEMPLATE, TURN_END, Recipe
from tooling.demo.files import content_lines

_DIALOGUES = 1500  # enough that every line of the scripts comes up several times


def train(corpus: Corpus, texts: Mapping[str, str], recipe: Recipe) -> Any:
    """Return a trained `tokenizers.Tokenizer` of exactly `recipe.vocabulary` ids, the special ones first.

    The same recipe and texts give the same tokenizer.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_lines(corpus, texts, recipe), trainer)
    return tokenizer


def _lines(corpus: Corpus, texts: Mapping[str, str], recipe: Recipe) -> Iterator[str]:
    rng = random.Random(recipe.seed)  # noqa: S311 - repeatable, not secret
    for _ in range(_DIALOGUES):
        for message in corpus.dialogue(rng, 6):
            yield message.text
    for line in content_lines(texts["words.txt"]):
        words = line.split()
        # As words inside a sentence are written, which is how almost all of them come up.
        yield from (f" {word}" for word in words for _ in range(30))
        yield from (word.capitalize() for word in words for _ in range(3))


def tokenizer_config(recipe: Recipe) -> dict[str, object]:
    """Return the content of `tokenizer_config.json`."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": recipe.positions,
        "bos_token": None,
        "eos_token": TURN_END,
        "pad_token": PAD,
        "unk_token": None,
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }


__all__ = ["tokenizer_config", "train"]
