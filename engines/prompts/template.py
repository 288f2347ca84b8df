"""A model's chat template: what it takes, found out once, and the text it makes of a conversation."""

from collections.abc import Sequence
from datetime import datetime

import jinja2

from engines.errors import EngineStartFailed, TurnFailed
from engines.prompts.encoder import HubTokenizer
from engines.prompts.messages import Accepts, PromptMessage

# What a sandboxed template may raise: its own complaints, and what its expressions do with our messages.
TEMPLATE_ERRORS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)

_CHATML = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
)
_BOS = "{{ bos_token }}"

_SYSTEM = PromptMessage("system", "yaprobesystem")
_USER = PromptMessage("user", "yaprobeuser")
_ASSISTANT = PromptMessage("assistant", "yaprobeassistant")


class Template:
    """Renders conversations with the model's own template, or with ChatML where it has none. Safe to share."""

    def __init__(self, tokenizer: HubTokenizer, *, enable_thinking: bool = False) -> None:
        self._tokenizer = tokenizer
        self._thinking = enable_thinking
        source = _own_source(tokenizer)
        self.missing = source is None
        self._source = source if source is not None else _chatml(tokenizer)
        self.accepts = Accepts()
        self.accepts = self._probed()
        self.opens_reasoning = self._opens_reasoning()

    def text(
        self, messages: Sequence[PromptMessage], *, generation_prompt: bool = True, now: datetime | None = None
    ) -> str:
        """The rendered conversation; `messages` as `arrange` leaves them, contents neutralised.

        `now` is the date of a template that prints one; None: the time of the call. Raises `TurnFailed` if the
        template does not take the conversation.
        """
        try:
            return self._render(messages, self.accepts, generation_prompt, now)
        except TEMPLATE_ERRORS as error:
            raise TurnFailed(f"the chat template failed: {type(error).__name__}") from error

    def _render(
        self, messages: Sequence[PromptMessage], accepts: Accepts, generation_prompt: bool, now: datetime | None
    ) -> str:
        variables: dict[str, object] = {}
        if now is not None:
            # The two ways in which templates come by a date; the format of the second is Llama 3's own.
            variables = {"strftime_now": now.strftime, "date_string": now.strftime("%d %b %Y")}
        return self._tokenizer.apply_chat_template(
            [{"role": message.role, "content": _content(message.text, accepts)} for message in messages],
            chat_template=self._source,
            tokenize=False,
            add_generation_prompt=generation_prompt,
            enable_thinking=self._thinking,
            **variables,
        )

    def _probed(self) -> Accepts:
        complaint = self._refusal([_USER], Accepts())
        parts = complaint is not None and self._refusal([_USER], Accepts(parts=True)) is None
        if complaint is not None and not parts:
            raise EngineStartFailed(f"the chat template cannot render a single user message: {complaint}")
        plain = Accepts(parts=parts)
        return Accepts(
            system=self._refusal([_SYSTEM, _USER], plain) is None,
            assistant_first=self._refusal([_ASSISTANT, _USER], plain) is None,
            parts=parts,
        )

    def _refusal(self, messages: Sequence[PromptMessage], accepts: Accepts) -> str | None:
        """Why the template does not take these messages; None if every text is in what it renders, in order."""
        try:
            rendered = self._render(messages, accepts, True, None)
        except TEMPLATE_ERRORS as error:
            return f"{type(error).__name__}: {error}"
        places = [rendered.find(message.text) for message in messages]
        return None if min(places) >= 0 and places == sorted(places) else "it leaves the text out"

    def _opens_reasoning(self) -> bool:
        """Whether the generation prompt itself ends inside an open `<think>`."""
        rendered = self.text([_USER])
        behind = rendered[rendered.rfind(_USER.text) :]
        return behind.rfind("<think>") > behind.rfind("</think>")


def _own_source(tokenizer: HubTokenizer) -> str | None:
    if not tokenizer.chat_template:
        return None
    try:
        return tokenizer.get_chat_template()
    except ValueError as error:  # several named templates, none of them the default
        raise EngineStartFailed(f"no chat template can be chosen: {error}") from error


def _chatml(tokenizer: HubTokenizer) -> str:
    """ChatML, behind BOS if the tokenizer puts one in front of every text by itself."""
    first = tokenizer.encode("x", add_special_tokens=True)[:1]
    return (_BOS if tokenizer.bos_token_id is not None and first == [tokenizer.bos_token_id] else "") + _CHATML


def _content(text: str, accepts: Accepts) -> object:
    return [{"type": "text", "text": text}] if accepts.parts else text


__all__ = ["TEMPLATE_ERRORS", "Template"]
