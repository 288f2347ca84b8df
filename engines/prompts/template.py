"""A model's chat template: what it takes, found out once, and the text it makes of a conversation."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import jinja2
from attrs import frozen

from engines.errors import EngineStartFailed, TextRefused
from engines.prompts.encoder import HubTokenizer
from engines.prompts.messages import Accepts, PromptMessage
from engines.prompts.syntax import Syntax
from engines.prompts.variables import dates, thinking_switches, thinking_values

# What a sandboxed template may raise: its own complaints, and what its expressions do with our messages.
TEMPLATE_ERRORS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
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
_THOUGHT = "yaprobethought"
_CALL = "yaprobecall"
# Mistral's templates want ids of nine characters.
_CALLED = {"type": "function", "id": "yaprobe00", "function": {"name": _CALL, "arguments": {}}}
_NEXT = PromptMessage("user", "yaprobenext")
# The keys under which templates look for the thoughts of a message.
_THOUGHT_KEYS = ("reasoning_content", "thinking", "reasoning")


@frozen(kw_only=True)
class Endings:
    """What the template writes behind the content of an assistant message.

    `last`: where the conversation ends with it. `inner`: up to the user's next words. `thought`: between what the
    model thought and what it said, in one turn. Each empty where the template has nothing there, or does not say.
    """

    last: str = ""
    inner: str = ""
    thought: str = ""


@frozen
class Aside:
    """What the template writes `before` and `behind` what is not for the user. Both empty if it writes nothing such."""

    before: str = ""
    behind: str = ""


class Template:
    """Renders conversations with the model's own template, or with ChatML where it has none. Safe to share.

    `source`: the template's text. `switches`: the names of its thinking switch. `generation`: what it writes behind
    the user's last words, for the model to go on from. `thought`, `call`: how it writes them, the former up to the
    answer; `talk`: a conversation with neither.
    """

    def __init__(self, tokenizer: HubTokenizer, source: str | None = None, *, enable_thinking: bool = False) -> None:
        self._tokenizer = tokenizer
        self.missing = source is None
        self._source = source if source is not None else _chatml(tokenizer)
        self.syntax = Syntax.of(self._source)
        self._always: Mapping[str, object] = {}
        self.accepts = Accepts()
        self.accepts = self._probed()
        self.switches = thinking_switches(self.syntax.names, self._tried)
        self._always = thinking_values(self.switches, enable_thinking)
        self._check_roles()
        self.generation = _between(self._tried({}) or "", _USER.text)
        self.talk = self._attempt(_plain([_USER, _ASSISTANT, _NEXT], self.accepts))
        self.thought = self._aside(dict.fromkeys(_THOUGHT_KEYS, _THOUGHT), _THOUGHT, _ASSISTANT.text)
        self.call = self._aside({"tool_calls": [_CALLED]}, _CALL)
        self.endings = self._endings()

    def text(
        self, messages: Sequence[PromptMessage], *, generation_prompt: bool = True, now: datetime | None = None
    ) -> str:
        """The rendered conversation; `messages` as `arrange` leaves them, contents neutralised.

        `now` is the date of a template that prints one; None: the time of the call. Raises `TextRefused` if the
        template does not take the conversation.
        """
        try:
            return self._render(_plain(messages, self.accepts), generation_prompt, now)
        except TEMPLATE_ERRORS as error:
            raise TextRefused(f"the chat template failed: {type(error).__name__}") from error

    def _render(
        self,
        messages: Sequence[Mapping[str, object]],
        generation_prompt: bool,
        now: datetime | None = None,
        variables: Mapping[str, object] | None = None,
    ) -> str:
        return self._tokenizer.apply_chat_template(
            messages,
            chat_template=self._source,
            tokenize=False,
            add_generation_prompt=generation_prompt,
            **self._always,
            **(dates(now, self.syntax.names) if now is not None else {}),
            **(variables or {}),
        )

    # -- what it takes -------------------------------------------------------------------------------------------------

    def _probed(self) -> Accepts:
        complaint = self._refusal([_USER], Accepts())
        parts = complaint is not None and self._refusal([_USER], Accepts(parts=True)) is None
        if complaint is not None and not parts:
            raise EngineStartFailed(
                f"the chat template cannot render a single user message: {complaint}; "
                "set CHAT_TEMPLATE to the path of a Jinja file that needs no more than the messages"
            )
        plain = Accepts(parts=parts)
        return Accepts(
            system=self._refusal([_SYSTEM, _USER], plain) is None,
            assistant_first=self._refusal([_ASSISTANT, _USER], plain) is None,
            parts=parts,
        )

    def _refusal(self, messages: Sequence[PromptMessage], accepts: Accepts) -> str | None:
        """Why the template does not take these messages; None if every text is in what it renders, in order."""
        try:
            rendered = self._render(_plain(messages, accepts), generation_prompt=True)
        except TEMPLATE_ERRORS as error:
            return f"{type(error).__name__}: {error}"
        places = [rendered.find(message.text) for message in messages]
        return None if min(places) >= 0 and places == sorted(places) else "it leaves the text out"

    def _check_roles(self) -> None:
        """Raise `EngineStartFailed` for a template that a conversation cannot be told from."""
        complaint = self._refusal([_USER, _ASSISTANT, _NEXT], self.accepts)
        if complaint is not None:
            raise EngineStartFailed(
                f"the chat template cannot render a reply between two user messages: {complaint}; "
                "set CHAT_TEMPLATE to the path of a Jinja file that can"
            )
        said = self._attempt(_plain([_USER, _ASSISTANT], self.accepts))
        if said and said == self._attempt(_plain([_USER, PromptMessage("user", _ASSISTANT.text)], self.accepts)):
            raise EngineStartFailed(
                "the chat template ignores roles: what users say and what the model says look alike in it; "
                "set CHAT_TEMPLATE to the path of a Jinja file that tells them apart"
            )

    # -- what it writes ------------------------------------------------------------------------------------------------

    def _tried(self, variables: Mapping[str, object]) -> str | None:
        """A prompt with these variables besides, None if the template does not take them."""
        try:
            return self._render(_plain([_USER], self.accepts), generation_prompt=True, variables=variables)
        except TEMPLATE_ERRORS:
            return None

    def _attempt(self, messages: Sequence[Mapping[str, object]], *, generation_prompt: bool = False) -> str:
        """A conversation rendered, empty if the template does not take it."""
        try:
            return self._render(messages, generation_prompt)
        except TEMPLATE_ERRORS:
            return ""

    def _endings(self) -> Endings:
        answered = self._attempt(_plain([_USER, _ASSISTANT], self.accepts))
        return Endings(
            last=_between(answered, _ASSISTANT.text),
            inner=_between(self.talk, _ASSISTANT.text, _NEXT.text),
            thought=self.thought.behind,
        )

    def _aside(self, more: Mapping[str, object], text: str, end: str = "") -> Aside:
        """What stands around `text`, up to `end`, in an answer that has `more` than its content."""
        asked, answered = _plain([_USER, _ASSISTANT], self.accepts)
        rendered = self._attempt([asked, {**answered, **more}])
        return Aside(_between(rendered, _USER.text, text), _between(rendered, text, end))


def _between(rendered: str, start: str, end: str = "") -> str:
    """What stands behind `start`, up to `end`; empty where either is missing."""
    _, found, behind = rendered.partition(start)
    between, closed, _ = behind.partition(end) if end else (behind, found, "")
    return between if found and closed else ""


def _chatml(tokenizer: HubTokenizer) -> str:
    """ChatML, behind BOS if the tokenizer puts one in front of every text by itself."""
    first = tokenizer.encode("x", add_special_tokens=True)[:1]
    return (_BOS if tokenizer.bos_token_id is not None and first == [tokenizer.bos_token_id] else "") + _CHATML


def _plain(messages: Sequence[PromptMessage], accepts: Accepts) -> list[dict[str, object]]:
    return [{"role": message.role, "content": _content(message.text, accepts)} for message in messages]


def _content(text: str, accepts: Accepts) -> object:
    return [{"type": "text", "text": text}] if accepts.parts else text


__all__ = ["TEMPLATE_ERRORS", "Aside", "Endings", "Template"]
