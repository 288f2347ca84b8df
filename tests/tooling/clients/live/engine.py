"""What the engine behind a terminal says, and what it was asked."""

import re

import trio

from engines.scripted import Script
from tests.runtime.serving import Place
from tests.tooling.clients.live.console import LIMIT_S

STORY = "Once there was a lighthouse keeper who wrote a letter every evening and never sent a single one. " * 6
SHORT = "All is well here."


def pieces(text: str) -> list[str]:
    return re.findall(r"\s*\S+", text)


def says(*replies: str, step_s: float = 0.002) -> Script:
    """An engine that says one after the other, and then the last one again."""
    left = list(replies)
    return Script(step_s=step_s, reply=lambda _request: pieces(left.pop(0) if len(left) > 1 else left[0]))


def flowing(shown: str) -> str:
    """What is shown, however it is wrapped."""
    return " ".join(shown.split())


async def until_submitted(place: Place, count: int) -> str:
    """The prompt of that many-th request since the server was ready."""
    with trio.fail_after(LIMIT_S):
        while len(place.engine.submitted) < count:
            await trio.sleep(0.01)
    return place.prompt(count - 1)


__all__ = ["SHORT", "STORY", "flowing", "pieces", "says", "until_submitted"]
