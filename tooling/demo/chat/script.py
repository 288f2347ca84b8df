"""Reads the dialogue scripts: topics, turns, wordings, slots."""

import random
import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import field, frozen

from tooling.demo.files import content_lines

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([a-z]+)(:cap)?\}")


class ScriptError(Exception):
    """A script file is not written as it should be; the message names the line."""


@frozen
class Exchange:
    """One turn of a topic: wordings of the user, possible replies."""

    asks: tuple[str, ...]
    replies: tuple[str, ...]


@frozen(kw_only=True)
class Topic:
    """A short dialogue. `gives`: facts its user tells; `needs`, `lacks`: facts that must or must not be told before."""

    name: str
    weight: float = 1.0
    gives: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    exchanges: tuple[Exchange, ...] = ()

    def fits(self, facts: Mapping[str, str]) -> bool:
        """Whether the topic may come now, given what was told before."""
        told = facts.keys()
        return self.needs <= told and not (self.lacks | self.gives) & told


@frozen
class Slots:
    """The values of each slot; `words` are common words for text without sense."""

    values: Mapping[str, Sequence[str]]
    words: Sequence[str] = field(repr=False)

    def draw(self, slot: str, rng: random.Random) -> str:
        """Return one value. Names are invented now and then, so that copying is learnt rather than a list."""
        if slot == "word":
            return rng.choice(self.words)
        if slot == "words":
            return " ".join(rng.choices(self.words, k=rng.randint(1, 9)))
        if slot in INVENTED and rng.random() < INVENTED[slot]:
            return invented_name(rng)
        return rng.choice(self.values[slot])

    def fill(self, text: str, chosen: dict[str, str], rng: random.Random) -> str:
        """Replace choices and slots; `chosen` holds the values so far and gets the new ones."""

        def value(match: re.Match[str]) -> str:
            slot, capital = match.groups()
            if slot not in chosen:
                chosen[slot] = self.draw(slot, rng)
            return chosen[slot][:1].upper() + chosen[slot][1:] if capital else chosen[slot]

        text = _CHOICE.sub(lambda match: rng.choice(match.group(1).split("|")), text)
        return _SLOT.sub(value, text)


INVENTED = {"name": 0.4, "bot": 0.4, "petname": 0.3, "city": 0.2, "home": 0.2}
_ONSETS = "b d f g h j k l m n p r s t v z br dr kr tr fl gr st sh ch th".split()
_VOWELS = "a e i o u ai ea ie".split()
_CODAS = ["", "", "", "n", "l", "r", "s", "m", "k", "th"]


def invented_name(rng: random.Random) -> str:
    """Return a name of two or three syllables that nobody has."""
    syllables = (rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(rng.choice((2, 2, 3))))
    return ("".join(syllables) + rng.choice(_CODAS)).capitalize()


def parse_slots(text: str, words: str) -> Slots:
    """Read `slot: value | value` lines; `slot: =other` takes over the other's values."""
    values: dict[str, Sequence[str]] = {}
    for line in content_lines(text):
        slot, _, rest = line.partition(":")
        rest = rest.strip()
        values[slot] = values[rest[1:]] if rest.startswith("=") else [value.strip() for value in rest.split("|")]
    return Slots(values, [word for line in content_lines(words) for word in line.split()])


def parse_topics(text: str) -> list[Topic]:
    """Read the topics of one script file; `ScriptError` for a line out of place."""
    topics: list[Topic] = []
    head: dict[str, str] = {}
    body: list[str] = []
    for line in content_lines(text):
        if line.startswith("=="):
            _finish(head, body, topics)
            name, *attributes = line[2:].split()
            head = {"name": name, **dict(attribute.split("=", 1) for attribute in attributes)}
            body = []
        elif line[:2] in ("> ", "< ") and head:
            body.append(line)
        else:
            raise ScriptError(f"not a topic, a user line or a reply: {line!r}")
    _finish(head, body, topics)
    return topics


def _finish(head: dict[str, str], body: Sequence[str], topics: list[Topic]) -> None:
    if not head:
        return
    facts = {key: frozenset(filter(None, head.get(key, "").split(","))) for key in ("gives", "needs", "lacks")}
    topics.append(
        Topic(name=head["name"], weight=float(head.get("weight", "1")), exchanges=tuple(_exchanges(body)), **facts)
    )


def _exchanges(body: Sequence[str]) -> Iterable[Exchange]:
    asks: list[str] = []
    replies: list[str] = []
    for line in body:
        if line.startswith(">") and replies:
            yield Exchange(tuple(asks), tuple(replies))
            asks, replies = [], []
        (asks if line.startswith(">") else replies).append(line[2:].strip())
    yield Exchange(tuple(asks), tuple(replies))


__all__ = ["Exchange", "ScriptError", "Slots", "Topic", "invented_name", "parse_slots", "parse_topics"]
