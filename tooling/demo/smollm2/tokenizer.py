"""The tokenizer of SmolLM2, put together from what the GGUF file says of it."""

from collections.abc import Mapping, Sequence

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers


def byte_level(vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], control: Sequence[str]) -> Tokenizer:
    """A BPE over bytes that takes digits one by one, which llama.cpp calls `smollm`; it adds no BOS."""
    tokenizer = Tokenizer(models.BPE(vocab=dict(vocabulary), merges=list(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in control])
    return tokenizer


def tokenizer_config(tokens: Mapping[str, str], template: str, positions: int) -> dict[str, object]:
    """The content of `tokenizer_config.json`. `tokens`: the token of `bos`, `eos`, `pad` and `unk`."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": positions,
        **{f"{name}_token": token for name, token in tokens.items()},
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "chat_template": template,
    }


__all__ = ["byte_level", "tokenizer_config"]
