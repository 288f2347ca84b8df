"""Makes stories from their parts: one line of each part, in order, with one hero, one place, one treasure."""

import random
from collections.abc import Mapping, Sequence

from attrs import frozen

from tooling.demo.chat.script import Topic
from tooling.demo.slots import Slots

_SHORT = ("opening", "trouble", "turn", "end")
_LONG = ("opening", "life", "trouble", "leave", "middle", "middle", "middle", "turn", "home", "end")


@frozen
class Stories:
    """Lines by part, and the ways of asking for a long and for a short story."""

    parts: Mapping[str, Sequence[str]]
    ask_long: Sequence[str]
    ask_short: Sequence[str]
    slots: Slots

    @classmethod
    def from_topics(cls, topics: Sequence[Topic], slots: Slots) -> "Stories":
        """Take the parts of the story script."""
        parts = {topic.name: topic.exchanges[0].replies for topic in topics}
        asks = {topic.name: topic.exchanges[0].asks for topic in topics}
        return cls(parts, asks["ask-long"], asks["ask-short"], slots)

    def tell(self, rng: random.Random) -> tuple[str, str]:
        """Return a request and the story that answers it; long ones have 130 words and more."""
        long = rng.random() < 0.75
        chosen: dict[str, str] = {}
        ask = self.slots.fill(rng.choice(self.ask_long if long else self.ask_short), chosen, rng)
        middle = list(self.parts["middle"])
        rng.shuffle(middle)
        lines = [
            middle.pop() if part == "middle" else rng.choice(self.parts[part]) for part in (_LONG if long else _SHORT)
        ]
        return ask, " ".join(self.slots.fill(line, chosen, rng) for line in lines)


__all__ = ["Stories"]
