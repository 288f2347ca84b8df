"""The talk as the client heard it: what a new session is told when the old one is gone. No I/O, no clock."""

from collections.abc import Iterable
from itertools import accumulate

from attrs import define, field

from .opening import Message

MAX_MESSAGES = 512
MAX_CHARS = 200_000
"""What a server takes of a history; beyond either the oldest goes."""


@define(eq=False)
class Exchange:
    """One turn. `reply`: what came of it; `heard`: how many of its code points were heard, None: all."""

    said: str = field(repr=False)
    reply: str = field(default="", repr=False)
    heard: int | None = None

    def messages(self) -> list[Message]:
        """Both sides. A reply is cut as the server cuts it; one of which nothing is left is none."""
        reply = self.reply if self.heard is None or self.heard >= len(self.reply) else self._cut(self.heard)
        return [Message("user", self.said), *([Message("assistant", reply)] if reply.strip() else [])]

    def _cut(self, chars: int) -> str:
        return self.reply[:chars].rstrip(" ")


class Memory:
    """Imported messages and the exchanges since, bounded as the server bounds them."""

    def __init__(self, imported: Iterable[Message]) -> None:
        self._imported = _newest(list(imported))
        self._exchanges: list[Exchange] = []

    def add(self, exchange: Exchange) -> None:
        """A turn was taken. What can no longer be told is forgotten."""
        self._exchanges.append(exchange)
        if len(self._exchanges) > MAX_MESSAGES:  # one has at least a message
            del self._exchanges[0]
            self._imported = []

    def take_back(self, exchange: Exchange) -> None:
        """A turn left nothing behind."""
        if exchange in self._exchanges:
            self._exchanges.remove(exchange)

    def messages(self) -> tuple[Message, ...]:
        """All of it, oldest first, as much as a server takes."""
        said = [message for exchange in self._exchanges for message in exchange.messages()]
        return tuple(_newest([*self._imported, *said]))


def _newest(messages: list[Message]) -> list[Message]:
    newest = messages[-MAX_MESSAGES:]
    sizes = accumulate(len(message.content) for message in reversed(newest))
    kept = sum(size <= MAX_CHARS for size in sizes)
    return newest[len(newest) - kept :]


__all__ = ["MAX_CHARS", "MAX_MESSAGES", "Exchange", "Memory"]
