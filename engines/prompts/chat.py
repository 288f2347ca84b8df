"""Everything one chat model's tokenizer and template are asked for, from budgets to prompt ids."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from attrs import field, frozen

from engines.prompts.bias import BUILT_IN, ResolvedBias, resolve_bias
from engines.prompts.control import Neutralizer
from engines.prompts.cutting import cut_end, cut_start
from engines.prompts.encoder import Encoder
from engines.prompts.messages import PromptMessage, arrange
from engines.prompts.reply_format import ReplyFormat
from engines.prompts.segments import Segments
from engines.prompts.stops import Stops
from engines.prompts.template import Template


@frozen(kw_only=True)
class ChatText:
    """Messages of one chat model as text and ids. Safe to share between threads; keeps nothing of what it is given.

    `control_ids`: ids that only the template may place. `stops`: where replies end. `format`: what of a reply is the
    answer. `warnings`: what an operator should know, one line each. A thousand tokens take a millisecond or so: longer
    texts belong in a worker thread.
    """

    encoder: Encoder = field(repr=False)
    neutralizer: Neutralizer = field(repr=False)
    template: Template = field(repr=False)
    segments: Segments = field(repr=False)
    stops: Stops
    format: ReplyFormat
    control_ids: frozenset[int] = field(repr=False)
    warnings: tuple[str, ...] = ()
    per_message: int = 0

    @property
    def stop_token_ids(self) -> tuple[int, ...]:
        """Ids at which the engine ends a reply."""
        return self.stops.token_ids

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """Texts at which the server ends a reply."""
        return self.stops.strings

    def count(self, text: str) -> int:
        """Tokens of a text, neutralised, without special tokens."""
        return self.encoder.count(self.neutralizer(text).text)

    def at_most(self, text: str) -> int:
        """A number that `count` is not above, without tokenising where that can be told."""
        return self.encoder.at_most(self.neutralizer(text).text)

    def cut_start(self, text: str, tokens: int) -> tuple[str, int]:
        """The start of a text within so many tokens, whole characters, and the tokens of what is left."""
        return cut_start(self.encoder, text, tokens, self.neutralizer)

    def cut_end(self, text: str, tokens: int) -> tuple[str, int]:
        """The end of a text within so many tokens, whole characters, and the tokens of what is left."""
        return cut_end(self.encoder, text, tokens, self.neutralizer)

    def message_cost(self, text: str) -> int:
        """Tokens of a message in a prompt: its text's and what the template puts around each."""
        return self.count(text) + self.per_message

    def overhead(
        self, chat_prompt: str = "", *, render: Callable[[Sequence[PromptMessage]], list[int]] | None = None
    ) -> int:
        """Tokens of a prompt besides its messages: system text, BOS, generation prompt.

        `render`: `self.render`, or something that remembers what it made.
        """
        prompt = [PromptMessage("system", chat_prompt), PromptMessage("user", "x")]
        return len((render or self.render)(prompt)) - self.message_cost("x")

    def text(
        self,
        messages: Sequence[PromptMessage],
        *,
        generation_prompt: bool = True,
        now: datetime | None = None,
        plain: Callable[[str], str] | None = None,
    ) -> str:
        """The prompt as text: roles merged, control tokens neutralised, rendered by the template.

        `plain`: `self.plain`, or something that remembers what it said.
        """
        plain = plain or self.plain
        arranged = [PromptMessage(said.role, plain(said.text)) for said in arrange(messages, self.template.accepts)]
        return self.template.text(arranged, generation_prompt=generation_prompt, now=now)

    def plain(self, text: str) -> str:
        """A content with its control tokens neutralised."""
        return self.neutralizer(text).text

    def render(
        self, messages: Sequence[PromptMessage], *, generation_prompt: bool = True, now: datetime | None = None
    ) -> list[int]:
        """Prompt ids: the rendered text tokenised once, no special token added that the template did not place.

        `messages`: system, if any, then the stored ones. `now`: the session's start, for templates that print a date.
        Raises `TextRefused` if the template does not take the conversation.
        """
        return self.segments.ids(self.text(messages, generation_prompt=generation_prompt, now=now))

    def resolve_bias(self, texts: Mapping[str, float] = BUILT_IN) -> ResolvedBias:
        """What an engine can be told of a bias map, text to value."""
        return resolve_bias(texts, self.encoder)


__all__ = ["ChatText"]
