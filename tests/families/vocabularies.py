"""Small tokenizers of the two builds that chat models have, with a family's own added tokens behind the vocabulary."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers.convert_slow_tokenizer import bytes_to_unicode

PIECES = 600
FILLER = " the"
"""One token in every vocabulary, however many stand in a row."""

CORPUS = (
    "the user asks about a cat on the screen and the assistant looks at it",
    "what do you think of the new coat, is it warm enough for a walk today",
    "one two three four five six seven eight nine ten, and then some more",
    "system: be kind and brief. user: hello there! assistant: hi, how are you?",
    "model model user user system assistant developer\n\nuser\nassistant\nanalysis commentary final thought\n",
    "Hello there, how are you? The sky is blue. Let me see. They want a short and kind answer.",
    "café naïve déjà vu — “quoted” text… < > | [ ] ( ) { } / : ;",
) * 20


@cache
def byte_level() -> Tokenizer:
    """GPT-2's scheme: Llama 3, Qwen, gpt-oss, DeepSeek, newer Mistral."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=PIECES, show_progress=False, initial_alphabet=alphabet)
    )
    return made


@cache
def byte_fallback() -> Tokenizer:
    """sentencepiece's scheme, a space as `▁` and unknown characters as bytes: Gemma, Mistral v0.3."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    trained.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=PIECES, show_progress=False))
    # Bytes are plain pieces of the vocabulary, which the trainer cannot put there.
    whole = json.loads(trained.to_str())
    model = whole["model"]
    for piece in ("<unk>", *(f"<0x{byte:02X}>" for byte in range(256))):
        model["vocab"].setdefault(piece, len(model["vocab"]))
    model |= {"byte_fallback": True, "fuse_unk": True, "unk_token": "<unk>"}
    made = Tokenizer.from_str(json.dumps(whole))
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return made


BUILDS: Mapping[str, Callable[[], Tokenizer]] = MappingProxyType(
    {"byte_level": byte_level, "byte_fallback": byte_fallback}
)


def add_tokens(tokenizer: Tokenizer, special: Sequence[str], ordinary: Sequence[str], *, greedy: bool = False) -> None:
    """Put a family's tokens behind the vocabulary. `greedy`: they take the white space around them (Phi 4)."""

    def tokens(texts: Sequence[str], is_special: bool) -> list[AddedToken]:
        return [AddedToken(text, special=is_special, normalized=False, lstrip=greedy, rstrip=greedy) for text in texts]

    tokenizer.add_special_tokens(tokens(special, True))
    tokenizer.add_tokens(tokens(ordinary, False))


def ids_of(tokenizer: Tokenizer, pieces: Sequence[str | bytes]) -> list[int]:
    """Ids of a text with markers in it; a piece of bytes is a token for each of them."""
    found: list[int] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            found.extend(_byte(tokenizer, byte) for byte in piece)
        else:
            found.extend(tokenizer.encode(piece, add_special_tokens=False).ids)
    return found


def _byte(tokenizer: Tokenizer, byte: int) -> int:
    found = tokenizer.token_to_id(f"<0x{byte:02X}>")
    if found is not None:
        return found
    return id_of(tokenizer, bytes_to_unicode()[byte])


def id_of(tokenizer: Tokenizer, token: str) -> int:
    """The id of a token that is there."""
    found = tokenizer.token_to_id(token)
    assert isinstance(found, int), token
    return found


__all__ = ["BUILDS", "FILLER", "add_tokens", "id_of", "ids_of"]
