"""Where a reply ends: stop token ids for the engine, stop strings for the server."""

from collections.abc import Iterable

from attrs import frozen

from engines.prompts.encoder import Encoder, HubTokenizer

# Turn markers of the chat formats in use: a model that leaves its own format must not speak them to the user.
MARKERS = (
    "<|im_end|>",
    "<|im_start|>",
    "<|assistant|>",
    "<|user|>",
    "<|end|>",
    "<end_of_turn>",
    "<start_of_turn>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|im_user|>",
    "<|im_system|>",
    "[EOS]",
    "[EOT]",
    "<｜end▁of▁sentence｜>",
    "<｜begin▁of▁sentence｜>",
    "[INST]",
    "[/INST]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
)
# Markers as small models break them.
BROKEN_FORMS = ("<|im_end|", "|im_end|", "<|im_start|")
THINK_TAGS = ("<think>", "</think>")


@frozen
class Stops:
    """`token_ids`: ascending, for the engine. `strings`: for the server, which matches them on the stream."""

    token_ids: tuple[int, ...]
    strings: tuple[str, ...]


def single_id(text: str, tokenizer: HubTokenizer, encoder: Encoder) -> int | None:
    """The id of a text that is exactly one token here; None if it is several, none, or only unknown."""
    ids = encoder.ids(text)
    return ids[0] if len(ids) == 1 and ids[0] != tokenizer.unk_token_id else None


def resolve_stops(tokenizer: HubTokenizer, encoder: Encoder, model_eos: Iterable[int] = ()) -> Stops:
    """Stops of a model: EOS of the tokenizer, `model_eos` of its generation config, and every marker."""
    markers = {marker: single_id(marker, tokenizer, encoder) for marker in MARKERS}
    eos = tokenizer.eos_token_id
    ids = {*model_eos, *(found for found in markers.values() if found is not None), *(() if eos is None else (eos,))}
    strings = (*(marker for marker, found in markers.items() if found is None), *BROKEN_FORMS)
    return Stops(tuple(sorted(ids)), strings)


__all__ = ["BROKEN_FORMS", "MARKERS", "THINK_TAGS", "Stops", "resolve_stops", "single_id"]
