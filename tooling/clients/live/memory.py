"""What was said and heard so far, on this side of the wire: it outlives a session and begins the next one."""

from collections.abc import Iterable, Mapping

from attrs import define, field

MOST_MESSAGES, MOST_CHARS = 512, 200_000
"""What a server takes in the `history` of a `start`."""


@define
class Memory:
    """Messages in order, as `start` takes them: `role` and `content`."""

    messages: list[dict[str, str]] = field(factory=list)

    @classmethod
    def of(cls, messages: Iterable[Mapping[str, str]]) -> "Memory":
        """A memory to begin with."""
        return cls([dict(message) for message in messages])

    def said(self, text: str) -> None:
        """The user said that."""
        self.messages.append({"role": "user", "content": text})

    def unsaid(self) -> None:
        """The last thing the user said was turned away: nobody heard it."""
        if self.messages and self.messages[-1]["role"] == "user":
            self.messages.pop()

    def heard(self, text: str) -> None:
        """The server said that, all of it or as far as it came."""
        self.messages.append({"role": "assistant", "content": text})

    def clear(self) -> None:
        """Forget everything."""
        self.messages.clear()

    def chars(self) -> int:
        """Characters of all messages."""
        return sum(len(message["content"]) for message in self.messages)

    def for_start(self) -> list[dict[str, str]]:
        """The newest messages, as many as a server takes."""
        kept: list[dict[str, str]] = []
        left = MOST_CHARS
        for message in reversed(self.messages[-MOST_MESSAGES:]):
            left -= len(message["content"])
            if left < 0:
                break
            kept.append(message)
        return kept[::-1]

    def told(self) -> str:
        """A line a message."""
        return "\n".join(f"{message['role']}: {message['content']}" for message in self.messages)


__all__ = ["Memory"]
