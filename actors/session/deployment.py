"""What this server serves, as sessions need to know it."""

from datetime import datetime
from typing import cast

from attrs import field, frozen

from actors.lanes import Lanes
from actors.session.budgets import Measure, trim_limits
from actors.session.intake import Routing
from actors.session.opening import Profile, Said
from engines.base import Sampling
from engines.prompts.chat import ChatText
from engines.prompts.conversation import Conversation
from engines.prompts.messages import PromptMessage, PromptRole
from protocol.limits import TurnLimits
from protocol.sampling import Number
from protocol.turns import Persona


@frozen(kw_only=True)
class Deployment:
    """Server-wide facts.

    `text`: the chat model's tokenizer and template, None in mode tool. `routing`: None in mode chat. Token limits as
    in the settings. `lanes`: where clients' texts are worked on.
    """

    turns: TurnLimits
    text: ChatText | None = None
    routing: Routing | None = None
    sampling: Sampling = field(factory=Sampling)
    check_prefix: str = "MUST CHECK SCREEN:"
    checked_prefix: str = "ON THE SCREEN NOW:"
    utterance_max_tokens: int = 500
    history_max_tokens: int = 3000
    history_target_tokens: int = 2000
    max_len: int = 5025
    max_out: int = 150
    generation_timeout_s: float = 60.0
    router_timeout_s: float = 10.0
    cancel_grace_s: float = 5.0
    speculates: bool = True
    lanes: Lanes = field(factory=Lanes, repr=False)

    def open(self, persona: Persona, started: datetime) -> Profile:
        """The profile of a session that starts with this persona. Tokenises the chat prompt."""
        check = persona.check_prefix or self.check_prefix
        checked = persona.checked_prefix or self.checked_prefix
        if self.text is None:
            return Profile(persona=persona, started=started, check_prefix=check, checked_prefix=checked)
        conversation = Conversation(self.text, started)
        room = self.max_len - self.max_out - conversation.overhead(persona.chat_prompt or "")
        return Profile(
            persona=persona,
            started=started,
            check_prefix=check,
            checked_prefix=checked,
            render=lambda said: conversation.render(_messages(said)),
            news=lambda said: conversation.news(_messages(said)),
            trim=trim_limits(room, max_tokens=self.history_max_tokens, target_tokens=self.history_target_tokens),
            measure=Measure(
                count=self.text.count,
                at_most=self.text.at_most,
                cut=self.text.cut_start,
                per_message=self.text.per_message,
                check_tokens=self.text.count(f"{check} ") if self.routing else 0,
                checked_tokens=self.text.count(f"{checked} "),
                utterance_max=self.utterance_max_tokens,
            ),
        )


def _messages(said: Said) -> list[PromptMessage]:
    """For the core of a session, which knows no engines."""
    return [PromptMessage(cast(PromptRole, role), text) for role, text in said]


def effective_sampling(defaults: Sampling, overrides: dict[str, Number | bool]) -> Sampling:
    """Server defaults overlaid by the session's overrides."""
    return Sampling(
        temperature=float(overrides.get("temperature", defaults.temperature)),
        top_p=float(overrides.get("top_p", defaults.top_p)),
        top_k=int(overrides.get("top_k", defaults.top_k)),
        min_p=float(overrides.get("min_p", defaults.min_p)),
        repetition_penalty=float(overrides.get("repetition_penalty", defaults.repetition_penalty)),
        presence_penalty=float(overrides.get("presence_penalty", defaults.presence_penalty)),
        frequency_penalty=float(overrides.get("frequency_penalty", defaults.frequency_penalty)),
    )


__all__ = ["Deployment", "effective_sampling"]
