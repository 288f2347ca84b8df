"""The demo tool model's tokenizer: lower-case words, those of the current utterance marked.

The server joins the user's texts by newlines, the current one last, and only that one decides. The normaliser puts
`▁` before each word of the last line, so that "look" said now and "look" said before are two words with their own
embeddings: a model this small then need not learn where lines begin. A word outside the vocabulary is one unknown
token, as are words that are hidden in training: it says nothing, where pieces of it would mislead.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from tooling.demo.files import content_lines
from tooling.demo.tool.recipe import Recipe
from tooling.demo.tool.utterances import Utterances

PAD, UNKNOWN, FIRST, LAST, HIDDEN = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL_TOKENS = (PAD, UNKNOWN, FIRST, LAST, HIDDEN)
_LINES = 12000
# How far back from the end words are marked. A bound keeps the time for very long texts linear.
_CURRENT_CHARS = 300


def train(utterances: Utterances, words: str, recipe: Recipe) -> Any:
    """Return a trained `tokenizers.Tokenizer`, the special ids first. The same input gives the same tokenizer."""
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordLevelTrainer(
        vocab_size=recipe.vocabulary, min_frequency=2, special_tokens=list(SPECIAL_TOKENS), show_progress=False
    )
    tokenizer.train_from_iterator(_lines(utterances, words, recipe), trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in (FIRST, LAST)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{FIRST} $A {LAST}", pair=f"{FIRST} $A {LAST} $B:1 {LAST}:1", special_tokens=ids
    )
    return tokenizer


def _normalizer() -> Any:
    return normalizers.Sequence(
        [
            normalizers.Replace(Regex("[⏎▁]"), " "),
            normalizers.Strip(),
            normalizers.Replace(Regex(r"[ \t\r\f\v]+"), " "),
            normalizers.Replace(Regex(r" ?\n[\n ]*"), " ⏎ "),
            normalizers.NFD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex("['’]"), ""),
            normalizers.Prepend(" "),
            normalizers.Replace(Regex(rf" (?=[^⏎]{{0,{_CURRENT_CHARS}}}\z)"), " ▁"),
        ]
    )


def _lines(utterances: Utterances, words: str, recipe: Recipe) -> Iterator[str]:
    rng = random.Random(recipe.seed)  # noqa: S311 - repeatable, not secret
    for index in range(_LINES):
        line = utterances.utterance(rng, index % 2)
        yield f"{line}\n{line}"  # both as an earlier and as the current one
    for line in content_lines(words):
        for word in line.split():
            yield from [f"{word}\n{word}"] * 2


def tokenizer_config(recipe: Recipe) -> Mapping[str, object]:
    """Return the content of `tokenizer_config.json`."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": recipe.positions,
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "cls_token": FIRST,
        "sep_token": LAST,
        "mask_token": HIDDEN,
        "clean_up_tokenization_spaces": False,
    }


__all__ = ["SPECIAL_TOKENS", "tokenizer_config", "train"]
