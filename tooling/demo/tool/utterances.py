"""The utterances: templates to draw training examples from, and the held-out ones to judge by."""

import math
import random
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate

from attrs import frozen

from tooling.demo.chat.script import parse_topics
from tooling.demo.files import content_lines
from tooling.demo.slots import Slots, parse_slots
from tooling.demo.tool.overlap import KeptOut
from tooling.demo.tool.recipe import LABELS

_OPENERS = ("hey", "so", "ok", "okay", "um", "well", "and", "hi", "hello", "please", "yo", "oh", "wait", "now", "but")
_CLOSERS = ("please", "thanks", "now", "then", "for me", "bro", "mate", "quickly", "real quick", "you know", "honestly")
_TALK_FILES = ("smalltalk.txt", "self.txt", "jokes.txt", "fallback.txt")
_SEPARATOR = ">>"
_WRITTEN_SHARE, _TALK_SHARE = 0.4, 0.1
_LINES = (2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7)  # earlier lines cost time and are told from the last one by their marks
# Slots of single nouns that may stand for each other.
_KINDS = ("doc", "pic", "vid", "item", "living", "job", "hobby", "city", "country", "name", "food", "body", "event")


@frozen
class Example:
    """One conversation: the user's texts joined by newlines, the current one last, and its label (1 is yes)."""

    text: str
    label: int


@frozen
class Utterances:
    """Templates and hand-written lines by label, the user lines of the chat scripts, and what must not be drawn."""

    templates: Sequence[Sequence[str]]
    weights: Sequence[Sequence[float]]
    written: Sequence[Sequence[str]]
    talk: Sequence[str]
    slots: Slots
    talk_slots: Slots
    kinds: Mapping[str, str]
    kept_out: KeptOut

    def example(self, rng: random.Random, *, lines: int | None = None) -> Example:
        """Return one conversation of up to seven lines, or of exactly `lines`; only the last decides its label."""
        if lines is None:
            lines = 1 if rng.random() < 0.84 else rng.choice(_LINES)
        earlier = [self.utterance(rng, int(rng.random() < 0.4)) for _ in range(lines - 1)]
        label = rng.randrange(2)
        return Example("\n".join([*earlier, self.utterance(rng, label)]), label)

    def utterance(self, rng: random.Random, label: int) -> str:
        """Return one line with that label that is not held out."""
        while True:
            text = " ".join(self._line(rng, label).split())
            if text not in self.kept_out and (varied := _vary(text, rng)) not in self.kept_out:
                return varied

    def _line(self, rng: random.Random, label: int) -> str:
        chance = rng.random()
        if chance < _WRITTEN_SHARE:
            return self._exchange(rng.choice(self.written[label]), rng)
        if label == 0 and chance < _WRITTEN_SHARE + _TALK_SHARE:
            return self.talk_slots.fill(rng.choice(self.talk), {}, rng)
        drawn = rng.choices(self.templates[label], cum_weights=self.weights[label])[0]
        return self.slots.fill(drawn, {}, rng)

    def _exchange(self, text: str, rng: random.Random) -> str:
        """Put other nouns of the same kind in the place of some: a hand-written line is a template, too."""

        def other(match: re.Match[str]) -> str:
            slot = self.kinds.get(match.group())
            return match.group() if slot is None or rng.random() < 0.5 else self.slots.draw(slot, rng)

        return re.sub(r"[a-zA-Z-]+", other, text)


def _vary(text: str, rng: random.Random) -> str:
    if rng.random() < 0.2:
        text = f"{rng.choice(_OPENERS)}{rng.choice((',', ''))} {text}"
    if rng.random() < 0.12:
        text = f"{text} {rng.choice(_CLOSERS)}"
    if rng.random() < 0.08:
        at = rng.randrange(len(text))
        text = rng.choice((text[:at] + text[at + 1 :], text[:at] + text[at : at + 1] + text[at:])) or text
    return text + rng.choice(("", "", "?", ".", "!"))


def _weights(templates: Sequence[str], slots: Slots) -> list[float]:
    """Return the running sums of the templates' weights: one that says more is drawn more often."""
    return list(accumulate(1 + math.log10(slots.count(template)) for template in templates))


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
    slots = parse_slots(texts["slots.txt"])
    templates = [content_lines(texts[f"{label}.txt"]) for label in LABELS]
    return Utterances(
        templates,
        [_weights(those, slots) for those in templates],
        [[last_line(item.text) for item in written if item.label == label] for label in (0, 1)],
        talk,
        slots,
        parse_slots(chat_texts["slots.txt"], chat_texts["words.txt"]),
        {noun: slot for slot in reversed(_KINDS) for noun in slots.values[slot] if " " not in noun},
        KeptOut.of(last_line(example.text) for example in labelled(texts["heldout.txt"])),
    )


__all__ = ["Example", "Utterances", "labelled", "last_line", "load"]
