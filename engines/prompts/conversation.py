"""The prompts of one session: what the last one held is neither neutralised nor tokenised again."""

import threading
from array import array
from collections.abc import Sequence
from datetime import datetime

from engines.prompts.chat import ChatText
from engines.prompts.messages import PromptMessage
from engines.prompts.recent import Recent

MESSAGE_CHARS = 10
"""What rendering a message costs whose text is known, in characters of one that is not: 10 us."""


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


__all__ = ["MESSAGE_CHARS", "Conversation"]
