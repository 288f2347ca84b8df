"""Small vocabularies of the kinds that chat models have."""

import functools
from collections.abc import Sequence

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

_WORDS = ["the quick brown fox", "jumps over", "日本語 déjà vu", "😀 👩‍🚀", "lazy dogs and cats"] * 4


@functools.cache
def byte_level() -> Tokenizer:
    """As GPT-2, Llama 3 and Qwen: every byte is a token, and added ones with a blank and beyond ASCII."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|im_end|>", "<|im_start|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(_WORDS, trainer)
    made.add_tokens([AddedToken("two words"), AddedToken("日本", special=False)])
    made.add_special_tokens(["<|tool|>"])
    return made


@functools.cache
def pieces() -> Tokenizer:
    """As Llama 2 and Gemma: words begin with ▁, bytes are tokens of their own, added tokens too."""
    words = ["▁", "▁the", "▁fox", "jump", "s", "é", "日本", "▁▁"]
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2}
    vocabulary |= {f"<0x{byte:02X}>": 3 + byte for byte in range(256)}
    vocabulary |= {word: 259 + place for place, word in enumerate(words)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True))
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.add_special_tokens(["<s>", "</s>", "<end_of_turn>"])
    return made


@functools.cache
def word_pieces() -> Tokenizer:
    """As BERT: a decoder puts blanks between tokens."""
    words = ["[UNK]", "[SEP]", "the", "fox", "##es", "jump", "##ed", ".", "!"]
    made = Tokenizer(models.WordPiece(vocab={word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    made.decoder = decoders.WordPiece()
    made.add_special_tokens(["[SEP]", "[MASK]"])
    return made


@functools.cache
def misread() -> Tokenizer:
    """A byte-level one with an added token that its decoder takes for a byte: between added tokens vLLM does not."""
    made = Tokenizer.from_str(byte_level().to_str())
    made.add_tokens([AddedToken("é")])
    return made


def library(tokenizer: Tokenizer, prompt_ids: Sequence[int], ids: Sequence[int]) -> list[str]:
    """What vLLM's `FastIncrementalDetokenizer` streams, special tokens neither skipped nor set apart."""
    stream = decoders.DecodeStream(ids=list(prompt_ids), skip_special_tokens=False)
    added = {id_: token.content for id_, token in tokenizer.get_added_tokens_decoder().items()}
    pieces, after_added = [], False
    for one in ids:
        try:
            text = stream.step(tokenizer, one) or ""
        except Exception:  # "Invalid prefix encountered": a run of bytes turned out to be no characters
            stream = decoders.DecodeStream(skip_special_tokens=False)
            text = stream.step(tokenizer, one) or ""
        if one in added and after_added:
            text = added[one]
        after_added = one in added
        pieces.append(text)
    return pieces


__all__ = ["byte_level", "library", "misread", "pieces", "word_pieces"]
