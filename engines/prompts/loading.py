"""From a model's files to a checked `ChatText`. Blocking, seconds for a large vocabulary: call it in a thread."""

from collections.abc import Callable, Sequence

from attrs import evolve

from engines.errors import EngineStartFailed, chain
from engines.libraries import importing
from engines.model_files import json_files
from engines.prompts.chat import ChatText
from engines.prompts.control import Neutralizer, Span
from engines.prompts.encoder import Encoder, HubTokenizer, encoder_of
from engines.prompts.messages import PromptMessage, PromptRole, arrange
from engines.prompts.segments import Segments
from engines.prompts.stops import MARKERS, THINK_TAGS, resolve_stops, single_id
from engines.prompts.template import Template

_EVERY_ROLE: tuple[PromptRole, ...] = ("system", "user", "assistant", "user")


def load_chat_text(
    model: str, *, revision: str | None = None, trust_remote_code: bool = False, enable_thinking: bool = False
) -> ChatText:
    """The tokenizer and template of a hub id or local directory, probed and self-checked.

    Raises `EngineStartFailed`: files missing or broken, code of the model's own needed but not allowed, a template
    that cannot render, or contents that would reach control ids.
    """
    tokenizer = load_tokenizer(model, revision=revision, trust_remote_code=trust_remote_code)
    return chat_text(tokenizer, model_eos=_model_eos(model, revision), enable_thinking=enable_thinking)


def load_tokenizer(model: str, *, revision: str | None = None, trust_remote_code: bool = False) -> HubTokenizer:
    """The tokenizer of a hub id or local directory. Raises `EngineStartFailed`."""
    with importing("transformers", "transformers"):
        from transformers import AutoTokenizer  # noqa: PLC0415 - seconds, and only where a model is loaded

    try:
        tokenizer: HubTokenizer = AutoTokenizer.from_pretrained(
            model, revision=revision, trust_remote_code=trust_remote_code
        )
    except Exception as error:  # the door: whatever the libraries or a model's own code raises
        hint = ""
        if "trust_remote_code" in str(error) and not trust_remote_code:
            hint = "; it ships code of its own: set CHAT_TRUST_REMOTE_CODE=1 if you trust it"
        raise EngineStartFailed(f"the tokenizer of {model} cannot be loaded{hint}: {chain(error)}") from error
    return tokenizer


def chat_text(tokenizer: HubTokenizer, *, model_eos: Sequence[int] = (), enable_thinking: bool = False) -> ChatText:
    """A loaded tokenizer with everything measured: stops, message cost, and that no content reaches control ids."""
    encoder = encoder_of(tokenizer)
    texts, ids = _controls(tokenizer, encoder)
    template = Template(tokenizer, enable_thinking=enable_thinking)
    added = list(tokenizer.added_tokens_decoder.values())
    think = [single_id(tag, tokenizer, encoder) for tag in THINK_TAGS]
    chat = ChatText(
        encoder=encoder,
        neutralizer=Neutralizer(texts, _control_spans(encoder, ids)),
        template=template,
        segments=Segments(encoder, added),
        stops=resolve_stops(tokenizer, encoder, model_eos),
        control_ids=ids,
        reasoning_token_ids=(think[0], think[1]) if think[0] is not None and think[1] is not None else None,
        unknown_id=tokenizer.unk_token_id,
        warnings=("the model has no chat template: prompts are ChatML",) if template.missing else (),
    )
    chat = evolve(chat, per_message=_per_message(chat), segments=_proven(chat))
    _check_controls(chat, texts)
    return chat


def _controls(tokenizer: HubTokenizer, encoder: Encoder) -> tuple[list[str], frozenset[int]]:
    """Texts and ids of the control set: special added tokens and the stop markers.

    The unknown token is no control token, unless it is BOS or EOS as well, as in GPT-2's vocabulary.
    """
    ends = {tokenizer.bos_token_id, tokenizer.eos_token_id}
    special = {
        id_: token.content
        for id_, token in tokenizer.added_tokens_decoder.items()
        if token.special and (id_ != tokenizer.unk_token_id or id_ in ends)
    }
    markers = (single_id(marker, tokenizer, encoder) for marker in MARKERS)
    return [*special.values(), *MARKERS], frozenset(special) | {found for found in markers if found is not None}


def _control_spans(encoder: Encoder, control_ids: frozenset[int]) -> Callable[[str], Sequence[Span]] | None:
    """Finds control ids in a text by tokenising it; None where a literal search finds them all."""
    located = encoder.located
    if located is None or not encoder.normalizes:
        return None

    def spans(text: str) -> Sequence[Span]:
        if not any(id_ in control_ids for id_ in encoder.ids(text)):  # cheaper than to locate them as well
            return ()
        ids, span = located(text)
        return [span(index) for index, id_ in enumerate(ids) if id_ in control_ids]

    return spans


def _per_message(chat: ChatText) -> int:
    """What the template adds to a message, the dearer of user and assistant: ChatML adds 5 to both."""
    user, assistant = PromptMessage("user", "x"), PromptMessage("assistant", "x")
    text = chat.count("x")
    asked = len(chat.render([user]))
    pair = len(chat.render([user, assistant, user])) - asked - 2 * text
    answered = len(chat.render([user, assistant], generation_prompt=False))
    own = len(chat.render([user, assistant, user], generation_prompt=False)) - answered - text
    return max(own, pair - own, 0)


def _proven(chat: ChatText) -> Segments:
    """The segments as they are if they agree with the tokenizer on a conversation, else ones that never cut."""
    for content in ("x", "  Two words.\n", "\n\ndé 👩‍🚀 ▁", " "):
        said = [PromptMessage(role, f"{content}{role}{content}") for role in _EVERY_ROLE]
        text = chat.template.text(arrange(said, chat.template.accepts))
        if chat.segments.ids(text) != list(chat.encoder.ids(text)):
            return Segments(chat.encoder, ())
    return chat.segments


def _check_controls(chat: ChatText, texts: Sequence[str]) -> None:
    """Raise `EngineStartFailed` if a content made of control texts places a control id in a prompt."""
    if all(_harmless(chat, glue.join(texts)) for glue in ("", "\n", "x")):
        return
    culprits = [text for text in texts if not _harmless(chat, text)] or ["several in a row"]
    shown = ", ".join(repr(text) for text in culprits[:5])
    raise EngineStartFailed(f"control tokens in a message would reach the model as such: {shown}")


def _harmless(chat: ChatText, content: str) -> bool:
    def placed(text: str) -> list[int]:
        said = [PromptMessage(role, text) for role in _EVERY_ROLE]
        return [id_ for id_ in chat.render(said) if id_ in chat.control_ids]

    return placed(content) == placed("x")


def _model_eos(model: str, revision: str | None) -> tuple[int, ...]:
    """Every `eos_token_id` of the model's generation config; none if it has no such file."""
    name = "generation_config.json"
    found = json_files(model, [name], revision).get(name, {}).get("eos_token_id")
    ids = found if isinstance(found, list) else [found]
    return tuple(id_ for id_ in ids if isinstance(id_, int) and not isinstance(id_, bool))


__all__ = ["chat_text", "load_chat_text", "load_tokenizer"]
