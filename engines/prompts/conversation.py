"""The prompts of one session: what the last one held is neither neutralised nor tokenised again."""

import threading
from array import array
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from engines.prompts.chat import ChatText
from engines.prompts.messages import PromptMessage

V = TypeVar("V")

MESSAGE_CHARS = 10
"""What rendering a message costs whose text is known, in characters of one that is not: 10 us."""


class Recent(Generic[V]):
    """What was worked out for texts since the round before last began; everything older is forgotten."""

    def __init__(self, make: Callable[[str], V]) -> None:
        self._make = make
        self._now: dict[str, V] = {}
        self._before: dict[str, V] = {}

    def __getitem__(self, text: str, /) -> V:
        value = self._now.get(text)
        if value is None:
            value = self._before.get(text)
            self._now[text] = value = self._make(text) if value is None else value
        return value

    def __contains__(self, text: str) -> bool:
        return text in self._now or text in self._before

    def next_round(self) -> None:
        """What is not asked for again in this round goes with the next."""
        self._before, self._now = self._now, {}

    def __len__(self) -> int:
        return len(self._now.keys() | self._before.keys())


class Conversation:
    """Renders one session's prompts, and is dropped with it: a client's texts live no longer than its connection.

    `now`: the session's start, for templates that print a date. Safe to share between threads: a turn that was
    stopped may still render while the next one begins.
    """

    def __init__(self, chat: ChatText, now: datetime) -> None:
        self._chat = chat
        self._now = now
        self._lock = threading.Lock()
        self._plain = Recent(chat.plain)
        self._ids = Recent(lambda piece: array("I", chat.segments.piece(piece)))

    def overhead(self, chat_prompt: str) -> int:
        """See `ChatText.overhead`; the first prompt has the ids of the system text from here."""
        return self._chat.overhead(chat_prompt, render=self.render)

    def news(self, messages: Sequence[PromptMessage]) -> int:
        """About how many characters `render` has to work on: texts that the last prompt had not, a few a message."""
        # While somebody else renders, which holds up who renders next, nothing counts as known.
        unknown = [said.text for said in messages if self._lock.locked() or said.text not in self._plain]
        return MESSAGE_CHARS * len(messages) + sum(map(len, unknown))

    def render(self, messages: Sequence[PromptMessage]) -> list[int]:
        """See `ChatText.render`: the same ids, in less time. Raises `TextRefused`."""
        with self._lock:
            self._plain.next_round()
            self._ids.next_round()
            text = self._chat.text(messages, now=self._now, plain=self._plain.__getitem__)
            return self._chat.segments.ids(text, self._ids)


__all__ = ["MESSAGE_CHARS", "Conversation", "Recent"]
