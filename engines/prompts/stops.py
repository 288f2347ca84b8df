"""Where a reply ends: stop token ids for the engine, stop strings for the server."""

from collections.abc import Container, Iterable

from attrs import frozen

from engines.prompts.encoder import Encoder, HubTokenizer, single_id
from engines.prompts.markers import BLOCKS, Kind
from engines.prompts.syntax import markers_in
from engines.prompts.template import Endings

# Turn markers of the chat formats in use: where one is a token, a model that writes it has left its own turn.
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
# ChatML's markers as small models break them.
BROKEN_FORMS = ("<|im_end|", "|im_end|", "<|im_start|")
_CHATML = ("<|im_start|>", "<|im_end|>")
# Harmony ends each message of a turn with this one, thoughts and calls as well as the answer.
_MESSAGE_END = "<|end|>"
_HARMONY = ("<|channel|>", "<|message|>")
# A shorter text behind a reply is punctuation, which replies have too.
_LEAST_CHARS = 3


@frozen
class Stops:
    """`token_ids`: ascending, for the engine. `strings`: for the server, which matches them on the stream."""

    token_ids: tuple[int, ...]
    strings: tuple[str, ...]


@frozen(kw_only=True)
class Vocabulary:
    """What of a tokenizer decides on stops. `controls`: ids that only the template may place."""

    tokenizer: HubTokenizer
    encoder: Encoder
    controls: Container[int]

    def control(self, text: str) -> int | None:
        """The id of a control token, None for any other text."""
        found = single_id(text, self.encoder)
        return found if found is not None and found in self.controls else None

    def first_control(self, text: str) -> int | None:
        """The first control token of a text."""
        return next((id_ for id_ in self.encoder.ids(text) if id_ in self.controls), None)


def resolve_stops(
    vocabulary: Vocabulary, endings: Endings, written: Container[str], model_eos: Iterable[int] = ()
) -> Stops:
    """Stops of a model. `endings`: what its template writes behind replies; `written`: markers that it writes.

    EOS of the tokenizer and `model_eos` of the generation config always count. A token that ends a message and not
    the turn counts for nothing else.
    """
    parts = _message_ends(vocabulary, endings)
    own, string = _end_of_turn(vocabulary, endings)
    ids = {own, *(vocabulary.control(marker) for marker in MARKERS)} - parts
    eos = vocabulary.tokenizer.eos_token_id
    ids |= {*model_eos, eos}
    broken = BROKEN_FORMS if any(marker in written for marker in _CHATML) else ()
    strings = dict.fromkeys([string, *broken])
    return Stops(tuple(sorted(id_ for id_ in ids if id_ is not None)), tuple(filter(None, strings)))


def _end_of_turn(vocabulary: Vocabulary, endings: Endings) -> tuple[int | None, str]:
    """What the template ends a reply with: the id of a control token, else a text."""
    if (own := vocabulary.first_control(endings.last)) is not None:
        return own, ""
    if text := _text_of(endings.last):
        return None, text
    # A reply without an end of its own ends where the user's next message begins.
    own, text = vocabulary.first_control(endings.inner), _text_of(endings.inner)
    if markers_in(text):
        return own, text if vocabulary.control(text) is None else ""
    return own, _label(endings.inner, text) if own is None else ""


def _message_ends(vocabulary: Vocabulary, endings: Endings) -> set[int | None]:
    """Control tokens behind messages that are not the last of their turn."""
    harmony = all(vocabulary.control(marker) is not None for marker in _HARMONY)
    ends = {vocabulary.control(_MESSAGE_END) if harmony else None, vocabulary.first_control(endings.thought)}
    for block in BLOCKS:
        # Of some families thoughts are messages of their own, whether the template shows it or not.
        if block.kind is Kind.REASONING and vocabulary.control(block.opener) is not None:
            ends |= {vocabulary.control(closer) for closer in block.closers}
    return ends - {None}


def _text_of(behind: str) -> str:
    """What a template writes behind a reply, as a text to look for; empty where there is nothing to tell it by."""
    line = behind.strip().partition("\n")[0].strip()
    markers = markers_in(line)
    if markers and line.startswith(markers[0]):
        return markers[0]
    return line if len(line) >= _LEAST_CHARS else ""


def _label(behind: str, text: str) -> str:
    """`### Instruction:` and the like, where they begin a line; within one they are words that a reply may have."""
    return f"\n{text}" if text and "\n" in behind[: behind.find(text)] else ""


__all__ = ["BROKEN_FORMS", "MARKERS", "Stops", "Vocabulary", "resolve_stops"]
