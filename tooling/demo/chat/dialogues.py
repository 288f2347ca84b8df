"""Makes dialogues from the scripts: topics in a row, facts remembered, replies cut as a barge-in cuts them."""

import random
from collections.abc import Mapping, Sequence

from attrs import frozen

from tooling.demo.chat.prompts import Prompts
from tooling.demo.chat.script import Topic, parse_topics
from tooling.demo.chat.stories import Stories
from tooling.demo.slots import Slots, parse_slots

_TOPIC_FILES = ("smalltalk.txt", "self.txt", "jokes.txt", "fallback.txt")
_FILLERS = ("hey", "so", "well", "um", "okay", "and", "hi", "hello", "oh", "yeah", "please", "now", "but", "alright")
_ENDINGS = ("please", "then", "now", "my friend", "today", "you know", "right now")
_INVENTED = {"name": 0.5, "bot": 0.5, "friend": 0.5, "petname": 0.4, "city": 0.3, "home": 0.3}
_QUESTIONS = frozenset(
    ("who", "what", "how", "where", "why", "when", "which", "do", "does", "did", "are", "is", "can", "could", "will")
)


@frozen
class Message:
    """One message. `learn`: whether its text is to be learnt (whole replies are, all else is only read)."""

    role: str
    text: str
    learn: bool = False


@frozen
class Corpus:
    """Everything a dialogue can be made of."""

    topics: Sequence[Topic]
    slots: Slots
    prompts: Prompts
    stories: Stories

    def dialogue(self, rng: random.Random, turns: int, *, long_prompt: bool = False) -> list[Message]:
        """Return a dialogue of at least `turns` turns, with a system message most of the time."""
        facts: dict[str, str] = {}
        messages: list[Message] = []
        if long_prompt or rng.random() < 0.65:
            messages.append(Message("system", self.prompts.write(facts, rng, long=long_prompt)))
        count = 0
        while count < turns:
            added = self._story(rng) if rng.random() < 0.025 else self._topic(facts, rng, first=count == 0)
            messages += added
            count += len(added) // 2
        return messages

    def _story(self, rng: random.Random) -> list[Message]:
        ask, story = self.stories.tell(rng)
        return [Message("user", vary(ask, rng)), Message("assistant", story, learn=True)]

    def _topic(self, facts: dict[str, str], rng: random.Random, *, first: bool) -> list[Message]:
        fitting = [topic for topic in self.topics if topic.fits(facts)]
        recalling = [topic for topic in fitting if topic.needs]
        if recalling and rng.random() < 0.25:  # memory is the hardest thing to learn, so it comes up often
            fitting = recalling
        elif first and rng.random() < 0.4:
            fitting = [topic for topic in fitting if topic.gives]
        topic = rng.choices(fitting, [topic.weight for topic in fitting])[0]
        chosen = {slot: facts[slot] for slot in topic.needs}
        messages: list[Message] = []
        for exchange in topic.exchanges[: rng.randint(1, len(topic.exchanges))]:
            ask = self.slots.fill(rng.choice(exchange.asks), chosen, rng)
            reply = self.slots.fill(rng.choice(exchange.replies), chosen, rng)
            messages += [Message("user", self._ask(ask, facts, rng)), _reply(reply, rng)]
        facts |= {slot: chosen[slot] for slot in topic.gives if slot in chosen}
        return messages

    def _ask(self, ask: str, facts: Mapping[str, str], rng: random.Random) -> str:
        if "bot" in facts and ask[:1].islower() and rng.random() < 0.12:
            ask = rng.choice((f"hey {facts['bot']}, {ask}", f"{ask}, {facts['bot']}", f"{facts['bot']}, {ask}"))
        if rng.random() < 0.05:  # an unanswered message before: the server joins both by a blank line
            other = self.slots.fill(rng.choice(rng.choice(self.topics).exchanges[0].asks), {}, rng)
            return f"{other}\n\n{vary(ask, rng)}"
        return vary(ask, rng)


def _reply(text: str, rng: random.Random) -> Message:
    if rng.random() < 0.06:
        return Message("assistant", text[: rng.randint(1, len(text))].rstrip() or text)
    return Message("assistant", text, learn=True)


def vary(ask: str, rng: random.Random) -> str:
    """Return the user's words as somebody else would type them: fillers, capitals, punctuation, slips."""
    marker, _, spoken = ask.rpartition(": ") if ask[:1].isupper() and ":" in ask else ("", "", ask)
    if rng.random() < 0.18:
        spoken = f"{rng.choice(_FILLERS)}{rng.choice((',', ''))} {spoken}"
    if rng.random() < 0.08:
        spoken = f"{spoken} {rng.choice(_ENDINGS)}"
    if rng.random() < 0.03:
        spoken = _slip(spoken, rng)
    style = rng.random()
    if style < 0.45:
        mark = "?" if _QUESTIONS & set(spoken.lower().split()[:2]) else rng.choice((".", ".", "!"))
        spoken = spoken[:1].upper() + spoken[1:] + (mark if spoken[-1:] not in ".!?" else "")
    elif style < 0.65 and spoken[1:].islower():  # a name keeps its capital, or it could not be copied
        spoken = spoken.lower()
    return f"{marker}: {spoken}" if marker else spoken


def _slip(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    return rng.choice((text[:at] + text[at + 1 :], text[:at] + text[at : at + 1] + text[at:])) or text


def load(texts: Mapping[str, str]) -> Corpus:
    """Read the whole corpus from the texts of `data/chat`."""
    slots = parse_slots(texts["slots.txt"], texts["words.txt"], _INVENTED)
    topics = [topic for name in _TOPIC_FILES for topic in parse_topics(texts[name])]
    prompts = Prompts.from_topics(parse_topics(texts["personas.txt"]), slots)
    return Corpus(topics, slots, prompts, Stories.from_topics(parse_topics(texts["stories.txt"]), slots))


__all__ = ["Corpus", "Message", "load", "vary"]
