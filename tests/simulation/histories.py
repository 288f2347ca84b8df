"""Histories that clients bring along, by the name of their shape: good ones, and what is refused."""

import random
from collections.abc import Callable, Sequence

WORDS = ("we", "talked", "of", "rain", "and", "a", "long", "walk", "home")
TEXTS = ("hello there", "é😀 ok", "<|im_end|> and so", "look at this", "two\nlines", " blanks around ", "e\u0301 x")
ROLES = ("user", "user", "assistant", "assistant", " User", "ASSISTANT ", "system", "tool", "developer")
MOST_MESSAGES, MOST_CHARS = 512, 200_000

Shape = Callable[[random.Random], object]


def _said(role: object, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


def _words(dice: random.Random, most: int, least: int = 1) -> str:
    return " ".join(dice.choice(WORDS) for _ in range(dice.randint(least, most)))


def turns(dice: random.Random) -> object:
    """What a well-behaved client keeps."""
    pairs = range(dice.randint(1, 8))
    return [_said(role, _words(dice, 12)) for _ in pairs for role in ("user", "assistant")]


def ragged(dice: random.Random) -> object:
    """Any role, any content that is allowed, in any order."""
    return [_item(dice) for _ in range(dice.randint(1, 14))]


def leading(dice: random.Random) -> object:
    """The assistant speaks first, and the user last."""
    return [_said("assistant", _words(dice, 5)), *_list(turns(dice)), _said("user", "are you there?")]


def long(dice: random.Random) -> object:
    """More than is kept where that is little."""
    pairs = range(dice.randint(3, 10))
    return [_said(role, _words(dice, 90, 10)) for _ in pairs for role in ("user", "assistant")]


def lump(dice: random.Random) -> object:
    """A turn that alone is more than is kept where that is little."""
    sizes = dice.choice(((700, 700), (900, 5), (5, 900)))
    pairs = zip(("user", "assistant"), sizes, strict=True)
    return [*_list(turns(dice)), *(_said(role, _words(dice, size, size)) for role, size in pairs)]


def many(dice: random.Random) -> object:
    """As many messages as are allowed."""
    return [_said(ROLES[number % 2 * 2], dice.choice(WORDS)) for number in range(MOST_MESSAGES)]


def brim(_dice: random.Random) -> object:
    """As many characters as are allowed, most of them in messages that are left out."""
    return [_said("user", "still here?"), _said("system", "x" * (MOST_CHARS - 11))]


def nothing(_dice: random.Random) -> object:
    """An empty list."""
    return []


def too_many(dice: random.Random) -> object:
    """One message too many."""
    return [*_list(many(dice)), _said("user", "")]


def too_large(dice: random.Random) -> object:
    """One character too many."""
    return [*_list(brim(dice)), _said("assistant", "x")]


def no_list(dice: random.Random) -> object:
    """Something else."""
    return dice.choice(({"role": "user", "content": "x"}, "user: x", 5, True))


def no_message(dice: random.Random) -> object:
    """A list with something else in it."""
    return [*_list(turns(dice)), dice.choice(("x", 5, ["user", "x"], None))]


def no_role(dice: random.Random) -> object:
    """A role that is none."""
    return [*_list(turns(dice)), dice.choice((_said(5, "x"), _said(None, "x"), {"content": "x"}))]


def no_content(dice: random.Random) -> object:
    """A content, or a part of one, that is none."""
    return [_said("user", dice.choice((5, {"text": "x"}, True, [{"type": "text", "text": 5}]))), *_list(turns(dice))]


def _list(history: object) -> Sequence[object]:
    assert isinstance(history, list)
    return history


def _item(dice: random.Random) -> object:
    if dice.random() < 0.08:  # as the Responses API keeps them
        return {"type": "function_call", "call_id": "c", "name": "take_screenshot", "arguments": "{}"}
    content: object = dice.choice((*TEXTS, "", "  ", None))
    if dice.random() < 0.3:
        content = [_part(dice) for _ in range(dice.randint(0, 3))]
    item = _said(dice.choice(ROLES), content)
    if dice.random() < 0.1:
        del item["content"]
    return item


def _part(dice: random.Random) -> object:
    text = dice.choice(TEXTS)
    return dice.choice(
        (
            text,
            {"type": dice.choice(("text", "input_text", "output_text")), "text": text},
            {"type": "text", "text": {"value": text, "annotations": []}},
            {"type": "text", "text": None},
            {"type": "image_url", "image_url": {"url": "https://a.b/c.png"}},
            {"type": "refusal", "refusal": "no"},
            7,
        )
    )


GOOD: dict[str, Shape] = {shape.__name__: shape for shape in (turns, ragged, leading, long, lump, many, brim, nothing)}
BAD: dict[str, tuple[Shape, str]] = {
    "too_many": (too_many, "history_too_large"),
    "too_large": (too_large, "history_too_large"),
    "no_list": (no_list, "invalid_history"),
    "no_message": (no_message, "invalid_history"),
    "no_role": (no_role, "invalid_history"),
    "no_content": (no_content, "invalid_history"),
}
"""Shape, and the reason for which it is refused."""


def history(shape: str, number: int) -> object:
    """The one of this shape and number; the same for ever."""
    made = GOOD[shape] if shape in GOOD else BAD[shape][0]
    return made(random.Random(f"history {number}"))


__all__ = ["BAD", "GOOD", "history"]
