"""What a session remembers: structured messages, grouped into turns, append-only between two trims.

A history is a value: every operation returns a new one, so a refused step cannot leave half a change behind. Texts
are stored as they were said; prefixes stand beside them and control tokens are neutralised when a prompt is built.
Nothing here tokenises by itself: costs come with the messages, except those of replies, which end while the loop has
no time to count; counting and trimming are handed what they need for it.
"""

import enum
from collections.abc import Iterator
from itertools import groupby
from typing import Literal

from attrs import evolve, field, frozen

from actors.session.budgets import Count, Cut, Limits

Role = Literal["user", "assistant"]


class Kind(enum.Enum):
    """What a message was when it came in; the router reads utterances only."""

    UTTERANCE = "utterance"
    ANALYSIS = "analysis"
    REPLY = "reply"


@frozen(kw_only=True)
class HistoryMessage:
    """One stored message.

    `turn`: number of its turn, 1 and up; imported turns end at 0. `cost`: tokens of text, prefix and template;
    `overhead`: the part of it that is not the text. `counted`: whether the text's tokens are in the cost already.
    `interrupted`: the user did not get all of this reply. `routing_text`: what the router reads of an utterance,
    `routing_tokens` tool tokens long.
    """

    kind: Kind
    text: str = field(repr=lambda text: f"<{len(text)} chars>")
    turn: int
    cost: int
    overhead: int = 0
    counted: bool = True
    prefix: str | None = None
    interrupted: bool = False
    routing_text: str = field(default="", repr=False)
    routing_tokens: int = 0

    @property
    def role(self) -> Role:
        """`assistant` for a reply, else `user`."""
        return "assistant" if self.kind is Kind.REPLY else "user"

    @property
    def prompt_text(self) -> str:
        """The text as the model reads it: a reply as it was sent; a user's behind its prefix and a space, stripped."""
        if self.kind is Kind.REPLY:
            return self.text
        return f"{self.prefix} {self.text}".strip() if self.prefix else self.text.strip()


@frozen
class History:
    """The messages of one session, oldest first; messages of a turn stand together."""

    messages: tuple[HistoryMessage, ...] = ()

    @property
    def cost(self) -> int:
        """Tokens of all messages together, of those that were counted."""
        return sum(message.cost for message in self.messages)

    @property
    def uncounted(self) -> tuple[HistoryMessage, ...]:
        """The messages whose texts nobody has counted yet: replies, until the next turn needs to know."""
        return tuple(message for message in self.messages if not message.counted)

    def cost_at_most(self, at_most: Count) -> int:
        """A number that the cost is not above, whoever has been counted. `at_most`: the same of a text."""
        return self.cost + sum(at_most(message.text) for message in self.uncounted)

    def all_counted(self, count: Count) -> "History":
        """With the cost of every message."""
        return evolve(self, messages=tuple(_counted(message, count) for message in self.messages))

    def turns(self) -> tuple[tuple[HistoryMessage, ...], ...]:
        """The messages grouped by turn. A turn without a reply, or without a user message, is a turn."""
        return tuple(tuple(group) for _, group in groupby(self.messages, key=lambda message: message.turn))

    def append(self, message: HistoryMessage) -> "History":
        """With one more message. A message without text is none: a reply that never began is not stored."""
        return evolve(self, messages=(*self.messages, message)) if message.text else self

    def attach_prefix(self, turn: int, prefix: str) -> "History":
        """With the check prefix at this turn's utterance, for good: the prefix cache needs what was sent once.

        The cost stays: it counted the prefix from the start.
        """
        return evolve(
            self,
            messages=tuple(
                evolve(message, prefix=prefix) if message.turn == turn and message.kind is Kind.UTTERANCE else message
                for message in self.messages
            ),
        )

    def take_back(self, turn: int) -> "History":
        """Without the messages of this turn: the client was told to send it again."""
        return evolve(self, messages=tuple(message for message in self.messages if message.turn != turn))

    def played(self, turn: int, chars: int, count: Count | None = None) -> tuple["History", bool]:
        """With the reply of `turn` cut to the `chars` code points that were heard; and whether the turn was known.

        Only the newest reply can be cut, and it never grows back. ASCII space at the cut goes, and so does a reply of
        which nothing is left. The newest turn is known even if it has no reply: nothing of nothing was heard.
        Without `count` what is left is counted later.
        """
        reply = next((message for message in reversed(self.messages) if message.kind is Kind.REPLY), None)
        if reply is None or reply.turn != turn:
            return self, bool(self.messages) and self.messages[-1].turn == turn
        if chars >= len(reply.text):
            return self, True
        heard = reply.text[: max(0, chars)].rstrip(" ")
        at = self.messages.index(reply)
        kept: tuple[HistoryMessage, ...] = ()
        if heard:
            left = evolve(reply, text=heard, cost=reply.overhead, counted=False, interrupted=True)
            kept = (left if count is None else _counted(left, count),)
        return evolve(self, messages=(*self.messages[:at], *kept, *self.messages[at + 1 :])), True

    def trimmed(self, limits: Limits, cut: Cut) -> "History":
        """As it is up to the trigger; above it the newest whole turns that fit the target. All must be counted.

        The newest turn always stays. If it alone is over the target its messages are cut, start kept.
        """
        assert not self.uncounted, "trimmed by a cost that nobody knows"
        total = self.cost
        if total <= limits.trigger:
            return self
        turns = self.turns()
        first = 0
        while total > limits.target and first < len(turns) - 1:
            total -= sum(message.cost for message in turns[first])
            first += 1
        kept = tuple(message for turn in turns[first:] for message in turn)
        return History(kept if total <= limits.target else tuple(_share(kept, limits.target, cut)))

    def without_oldest(self) -> "History":
        """Without the oldest turn, if it is not the only one: for a prompt that came out longer than its parts."""
        turns = self.turns()
        return History(tuple(message for turn in turns[1:] for message in turn)) if len(turns) > 1 else self

    def prompt_messages(self, chat_prompt: str = "") -> list[tuple[str, str]]:
        """(role, text) of system and stored messages, oldest first, blank ones left out."""
        system = [("system", chat_prompt)] if chat_prompt.strip() else []
        spoken = [(message.role, message.prompt_text) for message in self.messages]
        return system + [(role, text) for role, text in spoken if text.strip()]

    def router_text(self, budget: int, newline_tokens: int = 1) -> str:
        """The newest utterances that fit `budget` tool tokens, oldest first, one a line.

        Each older text costs its tokens and one newline's; the first that does not fit ends the walk. The newest is
        always in: its routing text was cut to the budget when it was stored.
        """
        left = budget
        texts: list[str] = []
        for message in reversed(self.messages):
            if message.kind is not Kind.UTTERANCE or not message.routing_text:
                continue
            left -= message.routing_tokens + (newline_tokens if texts else 0)
            if left < 0 and texts:
                break
            texts.append(message.routing_text)
        return "\n".join(reversed(texts))

    def router_trimmed(self, budget: int, newline_tokens: int = 1) -> "History":
        """Tool mode's trim: without the oldest messages that do not fit `budget` tool tokens, the newest kept."""
        left = budget
        for taken, message in enumerate(reversed(self.messages)):
            left -= message.routing_tokens + (newline_tokens if taken else 0)
            if left < 0 and taken:
                return History(self.messages[-taken:])
        return self


def _counted(message: HistoryMessage, count: Count) -> HistoryMessage:
    return message if message.counted else evolve(message, cost=count(message.text) + message.overhead, counted=True)


def _share(messages: tuple[HistoryMessage, ...], target: int, cut: Cut) -> Iterator[HistoryMessage]:
    """The messages of one turn within `target`: each gets half, and what the other leaves over."""
    total = sum(message.cost for message in messages)
    for message in messages:
        allowance = max(target // 2, target - (total - message.cost))
        if message.cost <= allowance:
            yield message
            continue
        text, tokens = cut(message.text, max(1, allowance - message.overhead))
        yield evolve(message, text=text, cost=tokens + message.overhead)


__all__ = ["History", "HistoryMessage", "Kind", "Role"]
