"""A model of how a history that a client brings is read: from the behaviour page's words, and nothing of the server's.

A session's limits and its tokenizer are given; what they lead to is worked out here again.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from attrs import evolve, frozen

from tests.memory import Remembered

TEXT_PARTS = ("text", "input_text", "output_text")


@frozen(kw_only=True)
class Scale:
    """How a session weighs its history. `target`: tokens that are kept, None in mode tool.

    `cut`: as much of a text as so many tokens are, its start, in mode tool its end. `user`, `assistant`: what a message
    of each costs beside its text. `budget`, `newline`: of the router's input, where that is all there is.
    """

    count: Callable[[str], int]
    cut: Callable[[str, int], tuple[str, int]]
    target: int | None
    user: int = 0
    assistant: int = 0
    newline: int = 0
    budget: int = 0

    def cost(self, message: Remembered) -> int:
        """Tokens of one message."""
        return self.count(message.text) + (self.user if message.role == "user" else self.assistant)


def grouped(history: Sequence[Any]) -> list[list[tuple[str, str]]]:
    """Turns of (role, text): texts of a role that follow each other are joined by a blank line."""
    spoken = [(str(each.get("role")).strip().lower(), _text(each.get("content")).strip()) for each in history]
    heard = [(role, text) for role, text in spoken if role in ("user", "assistant") and text]
    runs = [(role, "\n\n".join(text for _, text in run)) for role, run in groupby(heard, key=lambda each: each[0])]
    turns: list[list[tuple[str, str]]] = []
    for role, text in runs:
        if role == "user" or not turns:
            turns.append([])
        turns[-1].append((role, text))
    return turns


def imported(history: Sequence[Any], scale: Scale) -> list[Remembered]:
    """What is kept of it."""
    turns = grouped(history)
    messages = [
        Remembered(name_of(number - len(turns) + 1), role, text)
        for number, turn in enumerate(turns)
        for role, text in turn
    ]
    if scale.target is None:
        users = [each for each in messages if each.role == "user"]
        return routed([evolve(each, text=_end(each.text, scale)) for each in users], scale)
    return _kept(messages, scale, scale.target)


def routed(messages: list[Remembered], scale: Scale) -> list[Remembered]:
    """The newest messages that fit the router's input, the very newest in any case."""
    kept: list[Remembered] = []
    left = scale.budget
    for each in reversed(messages):
        left -= scale.count(each.text) + (scale.newline if kept else 0)
        if left < 0 and kept:
            break
        kept.insert(0, each)
    return kept


def name_of(turn: int) -> str:
    """What a turn of an imported history is called; the newest one's number is 0."""
    return f"imported {turn}"


def _kept(messages: list[Remembered], scale: Scale, target: int) -> list[Remembered]:
    turns = [list(turn) for _, turn in groupby(messages, key=lambda each: each.turn)]
    costs = [sum(map(scale.cost, turn)) for turn in turns]
    while len(turns) > 1 and sum(costs) > target:
        del turns[0], costs[0]
    if not turns or sum(costs) <= target:
        return [each for turn in turns for each in turn]
    whole = sum(costs)
    cut = []
    for each in turns[0]:
        most = max(target // 2, target - (whole - scale.cost(each)))
        around = scale.user if each.role == "user" else scale.assistant
        text = each.text if scale.cost(each) <= most else scale.cut(each.text, max(1, most - around))[0]
        cut.append(evolve(each, text=text))
    return cut


def _end(text: str, scale: Scale) -> str:
    return text if scale.count(text) <= scale.budget else scale.cut(text, scale.budget)[0]


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(text for part in content if isinstance(text := _of_part(part), str))
    return content or ""


def _of_part(part: Any) -> object:
    if not isinstance(part, dict):
        return part
    text = part.get("text") if part.get("type") in TEXT_PARTS else None
    return text.get("value") if isinstance(text, dict) else text


__all__ = ["Scale", "grouped", "imported", "name_of", "routed"]
