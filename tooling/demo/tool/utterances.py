"""The utterances: templates to draw training examples from, and the held-out ones to judge by."""

import random
import re
from collections.abc import Mapping, Sequence

from attrs import frozen

from tooling.demo.chat.script import parse_topics
from tooling.demo.files import content_lines
from tooling.demo.slots import Slots, parse_slots
from tooling.demo.tool.recipe import LABELS

_OPENERS = ("hey", "so", "ok", "okay", "um", "well", "and", "hi", "hello", "please", "yo", "oh", "wait", "now", "but")
_CLOSERS = ("please", "thanks", "now", "then", "for me", "bro", "mate", "quickly", "real quick", "you know", "honestly")
_TALK_FILES = ("smalltalk.txt", "self.txt", "jokes.txt", "fallback.txt")
_SEPARATOR = ">>"


@frozen
class Example:
    """One conversation: the user's texts joined by newlines, the current one last, and its label (1 is yes)."""

    text: str
    label: int


@frozen
class Utterances:
    """Templates and hand-written lines by label, the user lines of the chat scripts, and what must not be drawn."""

    templates: Sequence[Sequence[str]]
    written: Sequence[Sequence[str]]
    talk: Sequence[str]
    slots: Slots
    talk_slots: Slots
    kept_out: frozenset[str]

    def example(self, rng: random.Random, *, lines: int | None = None) -> Example:
        """Return one conversation of up to seven lines, or of exactly `lines`; only the last decides its label."""
        if lines is None:
            lines = 1 if rng.random() < 0.5 else rng.randint(2, 7)
        earlier = [self.utterance(rng, int(rng.random() < 0.4)) for _ in range(lines - 1)]
        label = int(rng.random() < 0.45)
        return Example("\n".join([*earlier, self.utterance(rng, label)]), label)

    def utterance(self, rng: random.Random, label: int) -> str:
        """Return one line with that label that is not held out."""
        while True:
            chance = rng.random()
            if chance < 0.2:
                text = rng.choice(self.written[label])
            elif label == 0 and chance < 0.4:
                text = self.talk_slots.fill(rng.choice(self.talk), {}, rng)
            else:
                text = self.slots.fill(rng.choice(self.templates[label]), {}, rng)
            text = _vary(" ".join(text.split()), rng)
            if plain(text) not in self.kept_out:
                return text


def _vary(text: str, rng: random.Random) -> str:
    if rng.random() < 0.2:
        text = f"{rng.choice(_OPENERS)}{rng.choice((',', ''))} {text}"
    if rng.random() < 0.12:
        text = f"{text} {rng.choice(_CLOSERS)}"
    if rng.random() < 0.08:
        at = rng.randrange(len(text))
        text = rng.choice((text[:at] + text[at + 1 :], text[:at] + text[at : at + 1] + text[at:])) or text
    return text + rng.choice(("", "", "?", ".", "!"))


def plain(text: str) -> str:
    """Return the words of a text alone, to compare texts by."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def last_line(text: str) -> str:
    """Return the current one of a conversation's lines."""
    return text.rpartition("\n")[2]


def labelled(text: str) -> list[Example]:
    """Read labelled lines: `yes|no`, then the lines of a conversation; `ValueError` for another first word."""
    examples = []
    for line in content_lines(text):
        label, _, rest = line.partition(" ")
        if label not in LABELS:
            raise ValueError(f"a line must begin with yes or no: {line!r}")
        parts = [part.strip() for part in rest.split(_SEPARATOR)]
        examples.append(Example("\n".join(parts), LABELS.index(label)))
    return examples


def load(texts: Mapping[str, str], chat_texts: Mapping[str, str]) -> Utterances:
    """Read the templates of `data/tool` and borrow the small talk and the common words of `data/chat`."""
    talk = [
        ask
        for name in _TALK_FILES
        for topic in parse_topics(chat_texts[name])
        for exchange in topic.exchanges
        for ask in exchange.asks
        if "SCREEN" not in ask
    ]
    written = labelled(texts["written.txt"])
    kept_out = frozenset(plain(last_line(example.text)) for example in labelled(texts["heldout.txt"]))
    return Utterances(
        (content_lines(texts["no.txt"]), content_lines(texts["yes.txt"])),
        [[last_line(item.text) for item in written if item.label == label] for label in (0, 1)],
        talk,
        parse_slots(texts["slots.txt"]),
        parse_slots(chat_texts["slots.txt"], chat_texts["words.txt"]),
        kept_out,
    )


__all__ = ["Example", "Utterances", "labelled", "last_line", "load", "plain"]
