"""Makes system prompts, short and long, so that the model learns which lines of one concern it and which do not."""

import random
from collections.abc import Sequence

from attrs import frozen

from tooling.demo.chat.script import Topic
from tooling.demo.slots import Slots

_FACTS = ("bot", "home", "trade", "likes")


@frozen
class Prompts:
    """Lines of system prompts by their place in one."""

    first: Sequence[str]
    nameless: Sequence[str]
    more: Sequence[str]
    noise: Sequence[str]
    slots: Slots

    @classmethod
    def from_topics(cls, topics: Sequence[Topic], slots: Slots) -> "Prompts":
        """Take the lines of the four parts of the persona script."""
        parts = {topic.name: topic.exchanges[0].replies for topic in topics}
        return cls(parts["first"], parts["nameless"], parts["more"], parts["noise"], slots)

    def write(self, facts: dict[str, str], rng: random.Random, *, long: bool) -> str:
        """Return a system prompt; what it says of the model goes into `facts`."""
        named = rng.random() < 0.8
        lines = [rng.choice(self.first if named else self.nameless)]
        lines += rng.sample(self.more, rng.choice((0, 1, 2, 4)) if not long else rng.randint(3, 10))
        if long:
            lines += self._noise(rng, rng.randint(10, 30))
        elif rng.random() < 0.3:
            lines += self._noise(rng, rng.randint(1, 4))
        if rng.random() < 0.4:  # the name may stand anywhere in a prompt
            rng.shuffle(lines)
        chosen = dict(facts)
        written = [self.slots.fill(line, chosen, rng) for line in lines]
        facts |= {slot: chosen[slot] for slot in _FACTS if slot in chosen}
        return rng.choice((" ", "\n", "\n\n") if long else (" ", " ", "\n")).join(written)

    def _noise(self, rng: random.Random, count: int) -> list[str]:
        return [rng.choice(self.noise) if rng.random() < 0.5 else self._salad(rng) for _ in range(count)]

    def _salad(self, rng: random.Random) -> str:
        words = rng.choices(self.slots.words, k=rng.randint(4, 16))
        return " ".join(words).capitalize() + rng.choice((".", ".", "!", ":", "; and so on.", "?"))


__all__ = ["Prompts"]
