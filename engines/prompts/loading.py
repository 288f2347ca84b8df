"""From a model's files to a checked `ChatText`. Blocking, seconds for a large vocabulary: call it in a thread."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from attrs import evolve

from engines.errors import EngineStartFailed, TextRefused, chain
from engines.libraries import importing
from engines.model_files import json_files
from engines.prompts.chat import ChatText
from engines.prompts.control import Neutralizer, Span
from engines.prompts.controls import EVERY_ROLE, control_set
from engines.prompts.deciding import reply_format
from engines.prompts.encoder import Encoder, HubTokenizer, encoder_of
from engines.prompts.messages import PromptMessage, arrange
from engines.prompts.segments import Segments
from engines.prompts.sources import find_template
from engines.prompts.stops import Vocabulary, resolve_stops
from engines.prompts.template import Template


def load_chat_text(
    model: str,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    template: str | None = None,
    enable_thinking: bool = False,
) -> ChatText:
    """The tokenizer and template of a hub id or local directory, probed and self-checked.

    `template`: the path of a Jinja file or the name of one of the model's templates. Raises `EngineStartFailed`: files
    missing or broken, code of the model's own needed but not allowed, a template that cannot render, or contents that
    would reach control ids.
    """
    tokenizer = load_tokenizer(model, revision=revision, trust_remote_code=trust_remote_code)
    source = find_template(model, tokenizer, wanted=template, revision=revision)
    return chat_text(tokenizer, source, model_eos=_model_eos(model, revision), enable_thinking=enable_thinking)


def load_tokenizer(model: str, *, revision: str | None = None, trust_remote_code: bool = False) -> HubTokenizer:
    """The tokenizer of a hub id or local directory. Raises `EngineStartFailed`."""
    with importing("transformers", "transformers"):
        from transformers import AutoTokenizer  # noqa: PLC0415 - seconds, and only where a model is loaded

    try:
        # Where mistral-common is installed, as vLLM has it, the library would take its tokenizer for any Mistral that
        # ships a tekken.json: one that knows no templates and does not say which tokens were added.
        tokenizer: HubTokenizer = AutoTokenizer.from_pretrained(
            model, revision=revision, trust_remote_code=trust_remote_code, mistral_format=False
        )
    except Exception as error:  # the door: whatever the libraries or a model's own code raises
        hint = ""
        if "trust_remote_code" in str(error) and not trust_remote_code:
            hint = "; it ships code of its own: set CHAT_TRUST_REMOTE_CODE=1 if you trust it"
        raise EngineStartFailed(f"the tokenizer of {model} cannot be loaded{hint}: {chain(error)}") from error
    return tokenizer


def chat_text(
    tokenizer: HubTokenizer, source: str | None, *, model_eos: Sequence[int] = (), enable_thinking: bool = False
) -> ChatText:
    """A loaded tokenizer with everything measured: stops, message cost, and that no content reaches control ids.

    `source`: the template's text; None: ChatML.
    """
    encoder = encoder_of(tokenizer)
    template = Template(tokenizer, source, enable_thinking=enable_thinking)
    controls = control_set(tokenizer, encoder, template)
    stops = resolve_stops(
        Vocabulary(tokenizer=tokenizer, encoder=encoder, controls=controls.ids),
        template.endings,
        controls.written,
        model_eos,
    )
    chat = ChatText(
        encoder=encoder,
        neutralizer=Neutralizer(controls.texts, _control_spans(encoder, controls.ids)),
        template=template,
        segments=Segments(encoder, list(tokenizer.added_tokens_decoder.values())),
        stops=stops,
        format=reply_format(template, controls, stops.token_ids),
        control_ids=controls.ids,
    )
    chat = evolve(chat, per_message=_per_message(chat), segments=_proven(chat))
    _check_controls(chat, controls.texts)
    return evolve(chat, warnings=tuple(_warnings(chat, enable_thinking=enable_thinking)))


def _warnings(chat: ChatText, *, enable_thinking: bool) -> Iterator[str]:
    if chat.template.missing:
        yield "the model has no chat template: prompts are ChatML; CHAT_TEMPLATE names another one"
    if enable_thinking and not chat.template.switches:
        yield "CHAT_TEMPLATE_ENABLE_THINKING has no effect: the chat template has no thinking switch"
    if not _keeps_what_was_said(chat):
        yield "the chat template rewrites earlier messages: little of a prompt is in the prefix cache from turn to turn"


def _keeps_what_was_said(chat: ChatText) -> bool:
    """Whether a prompt up to its question is the beginning of the next turn's.

    As prompts are sent: without a generation prompt some templates close the conversation (Phi 3).
    """
    said = [PromptMessage(role, f"{role} {place}") for place, role in enumerate((*EVERY_ROLE, "assistant", "user"))]
    asked = [said[:length] for length in (2, 4, 6)]
    now = datetime.now(UTC)  # one for all, as a session has it: templates may print the time
    texts = [chat.text(each, now=now) for each in asked]
    kept = [text[: text.rfind(each[-1].text)] for text, each in zip(texts, asked, strict=True)]
    return all(later.startswith(earlier) for earlier, later in pairwise(kept))


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
    """What the template adds to a message, the dearer of user and assistant: ChatML adds 5 to both.

    Half of what it adds to both together where it leaves the last word to the user, so that one alone cannot be told.
    """
    user, assistant = PromptMessage("user", "x"), PromptMessage("assistant", "x")
    text = chat.count("x")
    asked = len(chat.render([user]))
    pair = len(chat.render([user, assistant, user])) - asked - 2 * text
    try:
        answered = len(chat.render([user, assistant], generation_prompt=False))
    except TextRefused:
        return max(pair - pair // 2, 0)
    own = len(chat.render([user, assistant, user], generation_prompt=False)) - answered - text
    return max(own, pair - own, 0)


def _proven(chat: ChatText) -> Segments:
    """The segments as they are if they agree with the tokenizer on a conversation, else ones that never cut."""
    for content in ("x", "  Two words.\n", "\n\ndé 👩‍🚀 ▁", " "):
        said = [PromptMessage(role, f"{content}{role}{content}") for role in EVERY_ROLE]
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
    raise EngineStartFailed(
        f"control tokens in a message would reach the model as such: {shown}; set CHAT_TEMPLATE to the path of a Jinja "
        "file that leaves contents as they are"
    )


def _harmless(chat: ChatText, content: str) -> bool:
    def placed(text: str) -> list[int]:
        said = [PromptMessage(role, text) for role in EVERY_ROLE]
        return [id_ for id_ in chat.render(said) if id_ in chat.control_ids]

    try:
        return placed(content) == placed("x")
    except TextRefused:  # a content that is refused reaches nobody
        return True


def _model_eos(model: str, revision: str | None) -> tuple[int, ...]:
    """Every `eos_token_id` of the model's generation config, or of its config where there is no such file."""
    found = _named_eos(model, revision)
    ids = found if isinstance(found, list) else [found]
    return tuple(id_ for id_ in ids if isinstance(id_, int) and not isinstance(id_, bool))


def _named_eos(model: str, revision: str | None) -> object:
    for name in ("generation_config.json", "config.json"):
        config = json_files(model, [name], revision).get(name)
        if config is not None:
            # A model of more than words has its language model's settings one level deeper.
            inner = config.get("text_config")
            return config.get("eos_token_id") or (inner.get("eos_token_id") if isinstance(inner, dict) else None)
    return None


__all__ = ["chat_text", "load_chat_text", "load_tokenizer"]
