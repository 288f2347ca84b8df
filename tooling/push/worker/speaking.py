"""How the worker says what happens: whole lines, and lines that the next one takes the place of."""

from collections.abc import Callable

Say = Callable[[str], None]


def say(text: str) -> None:
    """One line."""
    print(text, flush=True)


def tick(text: str) -> None:
    """How far it is."""
    print(text, end="\r", flush=True)


__all__ = ["Say", "say", "tick"]
